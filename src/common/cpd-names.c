/* SPDX-License-Identifier: LGPL-2.1-or-later */
#include "common/cpd-names.h"

#include <errno.h>
#include <signal.h>
#include <string.h>
#include <sys/random.h>

#include "public/cpod-error.h"

static const char *const adjectives[] = {
  "able", "brave", "bright", "calm", "clever", "cool", "eager", "fair", "fast", "fine",
  "fond", "free", "fresh", "gentle", "glad", "good", "grand", "great", "happy", "keen",
  "kind", "light", "lively", "lucky", "merry", "mild", "neat", "nice", "noble", "patient",
  "plain", "polite", "proud", "quick", "quiet", "rapid", "ready", "rich", "sharp", "shiny",
  "silent", "simple", "smart", "smooth", "soft", "solid", "steady", "still", "strong", "sunny",
  "sure", "sweet", "swift", "tall", "tidy", "true", "vivid", "warm", "wise", "young",
};

static const char *const nouns[] = {
  "alder", "aspen", "badger", "beech", "birch", "bison", "brook", "cedar", "cliff", "cloud",
  "coral", "crane", "creek", "delta", "dune", "eagle", "elm", "falcon", "fern", "finch",
  "fjord", "forest", "fox", "garden", "glacier", "grove", "harbor", "hawk", "hazel", "heron",
  "hill", "island", "ivy", "juniper", "lake", "lark", "linden", "lotus", "lynx", "maple",
  "marten", "meadow", "moss", "oak", "ocean", "orchid", "osprey", "otter", "owl", "pine",
  "prairie", "raven", "reef", "river", "robin", "spruce", "stone", "swan", "valley", "willow",
};

static void
fill_random (void *buffer, gsize length)
{
  guint8 *next = buffer;

  while (length > 0)
    {
      ssize_t n = getrandom (next, length, 0);

      if (n < 0 && errno != EINTR)
        g_error ("the kernel gives no random numbers: %s", g_strerror (errno));
      if (n > 0)
        {
          next += n;
          length -= (gsize) n;
        }
    }
}

/* Checks the name of a container, pod or volume: [a-zA-Z0-9][a-zA-Z0-9_.-]* */
gboolean
cpd_name_check (const char *name, GError **error)
{
  gsize length = strlen (name);
  gboolean good = length > 0 && length <= 253 && g_ascii_isalnum (name[0]);

  for (gsize i = 0; good && i < length; i++)
    good = g_ascii_isalnum (name[i]) || strchr ("_.-", name[i]) != NULL;
  if (!good)
    {
      g_autofree char *shown = g_utf8_make_valid (name, MIN ((gssize) length, 253));

      g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                   "name '%s' is invalid: names match [a-zA-Z0-9][a-zA-Z0-9_.-]*"
                   " and have at most 253 characters", shown);
    }
  return good;
}

/* A friendly name, such as "quiet_otter"; it need not be unique. */
char *
cpd_name_generate (void)
{
  guint16 number[2];

  fill_random (number, sizeof number);
  return g_strconcat (adjectives[number[0] % G_N_ELEMENTS (adjectives)], "_",
                      nouns[number[1] % G_N_ELEMENTS (nouns)], NULL);
}

/*
 * An id whose short form is all digits is not given out: programs would take
 * it for a number, and resolvers a host of that name for an address.
 */
char *
cpd_id_generate (void)
{
  guint8 bytes[CPD_ID_LENGTH / 2];
  g_autoptr(GString) id = g_string_sized_new (CPD_ID_LENGTH);

  do
    {
      g_string_truncate (id, 0);
      fill_random (bytes, sizeof bytes);
      for (gsize i = 0; i < sizeof bytes; i++)
        g_string_append_printf (id, "%02x", bytes[i]);
    }
  while (strspn (id->str, "0123456789") >= CPD_ID_SHORT);
  return g_string_free (g_steal_pointer (&id), FALSE);
}

/* Whether TEXT may be the beginning of an id: 1 to 64 hexadecimal digits. */
gboolean
cpd_id_is_prefix (const char *text)
{
  gsize length = strspn (text, "0123456789abcdef");

  return length > 0 && length <= CPD_ID_LENGTH && text[length] == '\0';
}

gboolean
cpd_id_is_valid (const char *id)
{
  return strlen (id) == CPD_ID_LENGTH && cpd_id_is_prefix (id);
}

static const struct
{
  const char *name;
  int number;
} signals[] = {
  { "HUP", SIGHUP }, { "INT", SIGINT }, { "QUIT", SIGQUIT }, { "ILL", SIGILL },
  { "TRAP", SIGTRAP }, { "ABRT", SIGABRT }, { "BUS", SIGBUS }, { "FPE", SIGFPE },
  { "KILL", SIGKILL }, { "USR1", SIGUSR1 }, { "SEGV", SIGSEGV }, { "USR2", SIGUSR2 },
  { "PIPE", SIGPIPE }, { "ALRM", SIGALRM }, { "TERM", SIGTERM }, { "STKFLT", SIGSTKFLT },
  { "CHLD", SIGCHLD }, { "CONT", SIGCONT }, { "STOP", SIGSTOP }, { "TSTP", SIGTSTP },
  { "TTIN", SIGTTIN }, { "TTOU", SIGTTOU }, { "URG", SIGURG }, { "XCPU", SIGXCPU },
  { "XFSZ", SIGXFSZ }, { "VTALRM", SIGVTALRM }, { "PROF", SIGPROF }, { "WINCH", SIGWINCH },
  { "IO", SIGIO }, { "PWR", SIGPWR }, { "SYS", SIGSYS },
};

/*
 * Linux' numbers as containers see them: the C library keeps two real-time
 * signals to itself, so SIGRTMIN here would not be the kernel's 34.
 */
#define RTMIN 34
#define RTMAX 64

static int
parse_real_time (const char *name)
{
  const char *offset;
  gboolean from_max = g_str_has_prefix (name, "RTMAX");
  guint64 distance = 0;

  if (!from_max && !g_str_has_prefix (name, "RTMIN"))
    return 0;
  offset = name + strlen ("RTMIN");
  if (*offset != '\0')
    {
      if (*offset != (from_max ? '-' : '+')
          || !g_ascii_string_to_unsigned (offset + 1, 10, 0, RTMAX - RTMIN, &distance, NULL))
        return 0;
    }
  return from_max ? RTMAX - (int) distance : RTMIN + (int) distance;
}

/* Number of a signal given as "15", "TERM", "SIGTERM" or "sigterm"; 0 and an error when there is none. */
int
cpd_signal_parse (const char *text, GError **error)
{
  g_autofree char *upper = g_ascii_strup (text, -1);
  const char *name = g_str_has_prefix (upper, "SIG") ? upper + 3 : upper;
  guint64 number = 0;

  if (g_ascii_string_to_unsigned (text, 10, 1, RTMAX, &number, NULL))
    return (int) number;
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (strcmp (name, signals[i].name) == 0)
      return signals[i].number;
  number = (guint64) parse_real_time (name);
  if (number == 0)
    g_set_error (error, CPOD_ERROR, CPOD_ERROR_INVALID_ARGUMENT,
                 "'%s' is no signal: give a number from 1 to %d, or a name such as SIGTERM",
                 text, RTMAX);
  return (int) number;
}

/* Name of a signal without "SIG", such as "TERM"; NULL for one that has only a number. */
const char *
cpd_signal_name (int number)
{
  for (gsize i = 0; i < G_N_ELEMENTS (signals); i++)
    if (signals[i].number == number)
      return signals[i].name;
  return NULL;
}
