/*
 * verify.h - reads the whole store against its checksums while it serves, some of it at a time; what is wrong goes.
 */
#pragma once
#include "cache/stock.h"

struct verify {
	bool		 on;
	struct store_walk at;
	uint64_t	 looked, bad;	/* entries */
};

void	verify_begin(struct verify *);
/* One transaction of bounded size. 1: there is more; 0: it is over. Otherwise as sweep_turn. */
int	verify_turn(struct verify *, struct stock *) MUST_CHECK;
