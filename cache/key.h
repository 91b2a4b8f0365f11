/*
 * key.h - what a response is stored under: a text of everything that picks the response, and its hash.
 *
 * The primary key of a request is the hash of its text, "scope scheme://host[:port]/path[?query]": the very bytes that
 * are asked for upstream, plus the scope, so that two routes which send one URL to different services never share. The
 * text itself is stored with the object, and compared, so that a collision is a miss.
 *
 * A variant's key is the hash of the primary key, a number that changes when the URL is purged, and the values of the
 * request fields which Vary names (RFC 9111 4.1).
 */
#pragma once
#include "conf/base/sip.h"
#include "conf/http/field.h"

enum { KEY_TEXT_MAX = 8192, VARY_MAX = 16, VARY_TEXT_MAX = 4096 };

struct key { uint8_t b[16]; };

struct key_parts {
	struct span	 scope;			/* the service in reverse mode, "" in forward mode */
	bool		 https;
	struct span	 host;			/* lower case, with its port unless it is the scheme's */
	struct span	 path, query;		/* as sent upstream; query.p == NULL when there is no '?' */
	bool		 sort_query;		/* parameters in the order of their bytes */
	const char *const *drop;		/* parameters that do not count, then NULL; may be NULL */
};

/* Bytes written to out, which has KEY_TEXT_MAX; 0 when it does not fit: such a request is not cached. */
size_t	key_text(char *out, const struct key_parts *);
struct key key_of(const struct sip_key *, struct span text);

/* How the values of a varying field are made alike before they are compared. */
struct vary_rules { bool languages, encodings; };

/*
 * The names of a Vary field: lower case, sorted, each once, parted by commas. Bytes written to out, which has
 * VARY_TEXT_MAX; 0 when there are none; SIZE_MAX for "*", what is no name, more than VARY_MAX names or no room: such a
 * response is not to be stored.
 */
size_t	vary_names(char *out, const struct fields *response);
/* False: the values do not fit, and the request has no variant's key. */
bool	vary_key(struct key *out, const struct sip_key *, const struct key *primary, uint32_t generation,
	    struct span names, const struct fields *request, const struct vary_rules *);
