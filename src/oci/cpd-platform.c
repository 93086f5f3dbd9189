/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "oci/cpd-platform.h"

#include <seccomp.h>

static const struct
{
  guint32 token;
  const char *seccomp;
  const char *oci;
} architectures[] = {
  { SCMP_ARCH_X86_64, "SCMP_ARCH_X86_64", "amd64" },
  { SCMP_ARCH_X86, "SCMP_ARCH_X86", "386" },
  { SCMP_ARCH_X32, "SCMP_ARCH_X32", "amd64p32" },
  { SCMP_ARCH_AARCH64, "SCMP_ARCH_AARCH64", "arm64" },
  { SCMP_ARCH_ARM, "SCMP_ARCH_ARM", "arm" },
  { SCMP_ARCH_PPC64LE, "SCMP_ARCH_PPC64LE", "ppc64le" },
  { SCMP_ARCH_PPC64, "SCMP_ARCH_PPC64", "ppc64" },
  { SCMP_ARCH_S390X, "SCMP_ARCH_S390X", "s390x" },
  { SCMP_ARCH_S390, "SCMP_ARCH_S390", "s390" },
  { SCMP_ARCH_RISCV64, "SCMP_ARCH_RISCV64", "riscv64" },
  { SCMP_ARCH_MIPS64, "SCMP_ARCH_MIPS64", "mips64" },
  { SCMP_ARCH_MIPSEL64, "SCMP_ARCH_MIPSEL64", "mips64le" },
  { SCMP_ARCH_MIPS, "SCMP_ARCH_MIPS", "mips" },
  { SCMP_ARCH_MIPSEL, "SCMP_ARCH_MIPSEL", "mipsle" },
};

const char *
cpd_platform_architecture (void)
{
  guint32 native = seccomp_arch_native ();

  for (gsize i = 0; i < G_N_ELEMENTS (architectures); i++)
    if (architectures[i].token == native)
      return architectures[i].oci;
  return "unknown";
}

const char *
cpd_platform_seccomp_arch (void)
{
  guint32 native = seccomp_arch_native ();

  for (gsize i = 0; i < G_N_ELEMENTS (architectures); i++)
    if (architectures[i].token == native)
      return architectures[i].seccomp;
  return NULL;
}
