/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "config.h"
#include "engine/cpd-engine-private.h"
#include "engine/host/cpd-info.h"
#include "oci/cpd-platform.h"

void
cpd_info_add (GVariantBuilder *section, const char *key, GVariant *value)
{
  g_variant_builder_add (section, "{sv}", key, value);
}

void
cpd_info_add_string (GVariantBuilder *section, const char *key, const char *value)
{
  g_autofree char *text = g_utf8_make_valid (value != NULL ? value : "", -1);

  cpd_info_add (section, key, g_variant_new_string (text));
}

GVariant *
cpd_info_section (CpdEngine *engine, const char *prefix, const CpdInfoPart *parts, GVariantBuilder *errors)
{
  GVariantBuilder section = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  for (const CpdInfoPart *part = parts; part->name != NULL; part++)
    {
      g_autoptr(GError) error = NULL;

      if (!part->add (engine, &section, &error))
        {
          g_autofree char *name = g_strconcat (prefix, ".", part->name, NULL);
          g_autofree char *message = g_utf8_make_valid (error->message, -1);

          g_variant_builder_add (errors, "{ss}", name, message);
        }
    }
  return g_variant_builder_end (&section);
}

static gboolean
add_search (CpdEngine *engine, GVariantBuilder *section, GError **error)
{
  g_autoptr(CpdRegistries) registries = cpd_engine_load_registries (engine, error);

  if (registries == NULL)
    return FALSE;
  if (registries->search != NULL && *registries->search != NULL)
    cpd_info_add (section, "search", g_variant_new_strv ((const char *const *) registries->search, -1));
  return TRUE;
}

static const CpdInfoPart registries_parts[] = {
  { "search", add_search },
  { NULL }
};

/* There are no volumes and no networks of its own. */
static GVariant *
build_plugins (void)
{
  static const char *const log[] = { "k8s-file", NULL };
  GVariantBuilder plugins = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_info_add (&plugins, "volume", g_variant_new_strv (NULL, 0));
  cpd_info_add (&plugins, "network", g_variant_new_strv (NULL, 0));
  cpd_info_add (&plugins, "log", g_variant_new_strv (log, -1));
  cpd_info_add (&plugins, "authorization", g_variant_new_strv (NULL, 0));
  return g_variant_builder_end (&plugins);
}

static GVariant *
build_version (void)
{
  g_autofree char *platform = g_strconcat ("linux/", cpd_platform_architecture (), NULL);
  GVariantBuilder version = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);

  cpd_info_add_string (&version, "APIVersion", "1");
  cpd_info_add_string (&version, "Version", CPD_VERSION);
  cpd_info_add_string (&version, "OsArch", platform);
  cpd_info_add_string (&version, "Os", "linux");
  return g_variant_builder_end (&version);
}

GVariant *
cpd_engine_get_info (CpdEngine *engine)
{
  GVariantBuilder info = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE_VARDICT);
  GVariantBuilder errors = G_VARIANT_BUILDER_INIT (G_VARIANT_TYPE ("a{ss}"));

  cpd_info_add (&info, "host", cpd_info_section (engine, "host", cpd_info_host, &errors));
  cpd_info_add (&info, "store", cpd_info_section (engine, "store", cpd_info_store, &errors));
  cpd_info_add (&info, "registries",
                cpd_info_section (engine, "registries", registries_parts, &errors));
  cpd_info_add (&info, "plugins", build_plugins ());
  cpd_info_add (&info, "version", build_version ());
  cpd_info_add (&info, "errors", g_variant_builder_end (&errors));
  return g_variant_ref_sink (g_variant_builder_end (&info));
}
