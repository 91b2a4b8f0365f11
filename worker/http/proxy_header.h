/*
 * proxy_header.h - writes the PROXY protocol header that tells a target whose connection it gets (haproxy's
 * proxy-protocol.txt). No I/O. What clients send us is read by front/proxy.c.
 */
#pragma once
#include "conf/conf.h"

#define PROXY_HEADER_MAX 107		/* the longest line of version 1; of version 2 we write at most 52 bytes */

/*
 * Bytes written for version v1 or v2. from is the client, to the address that it connected to. Where not both are IP
 * addresses the header says that it does not know; without a client (NULL) that the connection is our own (v2: LOCAL).
 */
size_t	proxy_header(char out[PROXY_HEADER_MAX], enum conf_send_proxy, const struct addr *from,
	    const struct addr *to);
