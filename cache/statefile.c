/*
 * statefile.c - "<dir>/state", six lines:
 *
 *	proxyd-cache 1
 *	file 7
 *	boot 1a79e4f6-...
 *	secret 32 hexadecimal digits
 *	purged-all 0
 *	open
 *
 * It is written beside itself and renamed: whoever dies on the way leaves the old one.
 */
#include "cache/statefile.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <unistd.h>

#include "conf/base/enc.h"
#include "conf/base/str.h"

#define FORMAT "proxyd-cache 1"
#define TEXT_MAX 512

static int
path_of(char out[4096], const char *dir, const char *name, struct errdetail *ed)
{
	int n = snprintf(out, 4096, "%s/%s", dir, name);

	return n > 0 && n < 4096 ? 0 : err_set(ed, -E_RANGE, "cache %s: the path is too long", dir);
}

/* At most TEXT_MAX - 1 bytes of a file, as a string. */
static int
read_text(const char *path, char out[TEXT_MAX], struct errdetail *ed)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY);
	ssize_t n;

	if (fd < 0 && errno == ENOENT)
		return err_set(ed, -E_MISSING, "%s: not there", path);
	if (fd < 0)
		return err_sys(ed, "%s: cannot be read", path);
	n = read(fd, out, TEXT_MAX - 1);
	(void)close(fd);
	if (n < 0)
		return err_sys(ed, "%s: cannot be read", path);
	out[n] = '\0';
	return 0;
}

int
statefile_boot(char out[BOOT_ID_SIZE], struct errdetail *ed)
{
	char text[TEXT_MAX];
	int rc = read_text("/proc/sys/kernel/random/boot_id", text, ed);

	if (rc != 0)
		return rc;
	(void)snprintf(out, BOOT_ID_SIZE, "%.*s", (int)strcspn(text, "\n"), text);
	return 0;
}

/* ---- reading ---- */

/* The rest of the next line, which begins with a name and a space; SPAN_NONE: it does not. */
static struct span
value_of(struct span *rest, const char *name)
{
	struct span line, key = span_str(name);

	if (!span_split(rest, '\n', &line) || line.n <= key.n + 1 || line.p[key.n] != ' ' ||
	    memcmp(line.p, key.p, key.n) != 0)
		return SPAN_NONE;
	return span_make(line.p + key.n + 1, line.n - key.n - 1);
}

static bool
hex_digit(char c, unsigned *out)
{
	if (c >= '0' && c <= '9')
		*out = (unsigned)(c - '0');
	else if (c >= 'a' && c <= 'f')
		*out = (unsigned)(c - 'a') + 10;
	else
		return false;
	return true;
}

static bool
read_secret(uint8_t out[SECRET_SIZE], struct span hex)
{
	unsigned hi, lo;

	if (hex.n != 2 * (size_t)SECRET_SIZE)
		return false;
	for (size_t i = 0; i < SECRET_SIZE; i++) {
		if (!hex_digit(hex.p[2 * i], &hi) || !hex_digit(hex.p[2 * i + 1], &lo))
			return false;
		out[i] = (uint8_t)(hi << 4 | lo);
	}
	return true;
}

/* The last line says how it was left, and that it is whole. */
static bool
read_end(struct statefile *s, struct span rest)
{
	s->clean = span_eq(rest, SPAN("clean\n"));
	return s->clean || span_eq(rest, SPAN("open\n"));
}

static bool
read_values(struct statefile *s, struct span rest)
{
	uint64_t file = 0, purged = 0;
	struct span boot;

	if (span_to_u64(value_of(&rest, "file"), UINT32_MAX - 1, &file) != 0)
		return false;
	boot = value_of(&rest, "boot");
	if (boot.n == 0 || boot.n >= sizeof s->boot)
		return false;
	if (!read_secret(s->secret, value_of(&rest, "secret")) ||
	    span_to_u64(value_of(&rest, "purged-all"), INT64_MAX, &purged) != 0)
		return false;
	memcpy(s->boot, boot.p, boot.n);
	s->boot[boot.n] = '\0';
	s->file = (uint32_t)file;
	s->purged_all = (int64_t)purged;
	return read_end(s, rest);
}

int
statefile_read(struct statefile *s, const char *dir, struct errdetail *ed)
{
	char path[4096], text[TEXT_MAX];
	struct span rest, line;
	int rc = path_of(path, dir, "state", ed);

	*s = (struct statefile){ 0 };
	if (rc == 0)
		rc = read_text(path, text, ed);
	if (rc != 0)
		return rc;
	rest = span_str(text);
	if (!span_split(&rest, '\n', &line) || !span_eq(line, SPAN(FORMAT)))
		return err_set(ed, -E_VERSION, "%s: not of this version", path);
	if (read_values(s, rest))
		return 0;
	*s = (struct statefile){ 0 };
	return err_set(ed, -E_SYNTAX, "%s: damaged", path);
}

/* ---- writing ---- */

static int
write_synced(const char *path, const char *text, int n, struct errdetail *ed)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOCTTY, 0600), rc = 0;

	if (fd < 0)
		return err_sys(ed, "%s: cannot be written", path);
	if (write(fd, text, (size_t)n) != n || fsync(fd) != 0)
		rc = err_sys(ed, "%s: cannot be written", path);
	(void)close(fd);
	return rc;
}

static int
sync_directory(const char *dir, struct errdetail *ed)
{
	int fd = open(dir, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0 || fsync(fd) != 0)
		rc = err_sys(ed, "%s: cannot be synchronized", dir);
	if (fd >= 0)
		(void)close(fd);
	return rc;
}

int
statefile_write(const struct statefile *s, const char *dir, struct errdetail *ed)
{
	char path[4096], beside[4096], text[TEXT_MAX], secret[2 * SECRET_SIZE + 1] = "";
	int n, rc = path_of(path, dir, "state", ed);

	if (rc == 0)
		rc = path_of(beside, dir, "state.new", ed);
	if (rc != 0)
		return rc;
	enc_hex(secret, s->secret, SECRET_SIZE);
	n = snprintf(text, sizeof text,
	    FORMAT "\nfile %" PRIu32 "\nboot %s\nsecret %s\npurged-all %" PRId64 "\n%s\n", s->file,
	    s->boot, secret, s->purged_all, s->clean ? "clean" : "open");
	rc = write_synced(beside, text, n, ed);
	if (rc == 0 && rename(beside, path) != 0)
		rc = err_sys(ed, "%s: cannot be written", path);
	return rc == 0 ? sync_directory(dir, ed) : rc;
}
