/*
 * intake_told.c - what becomes of fills, for those who wait for them: by leases, and by whom the caller wakes.
 */
#include "cache/intake_priv.h"

static unsigned
number_of(const struct intake *in, const struct ring_in *ring)
{
	return (unsigned)(ring - in->rings);
}

void
intake_tell_end(struct intake *in, const struct key *primary, const struct ring_in *ring,
    uint32_t fill, enum lease_state how)
{
	if (in->leases != NULL)
		(void)lease_fill_end(
		    in->leases, primary, number_of(in, ring), fill, how, &in->wake);
}

/* Values before the chunk that is being filled are there to be read. */
static void
tell_progress(struct intake *in, struct fill *f)
{
	struct lease_progress p = { f->entry.id, f->values - 1 };

	if (f->told == p.chunks ||
	    !lease_fill_progress(
		in->leases, &f->primary, number_of(in, f->ring), f->number, &p, &in->wake))
		return;
	f->told = p.chunks;
}

/* All of the transaction is to be seen now. */
void
intake_tell_all(struct intake *in)
{
	if (in->leases != NULL)
		for (unsigned i = 0; i < in->n_fills; i++)
			tell_progress(in, &in->fills[i]);
	for (unsigned i = 0; i < in->n_stored; i++) {
		const struct intake_stored *s = &in->stored[i];

		intake_tell_end(in, &s->primary, &in->rings[s->ring], s->number, LEASE_STORED);
	}
}

void
intake_tell_failure(struct intake *in)
{
	for (unsigned i = 0; i < in->n_stored; i++) {
		const struct intake_stored *s = &in->stored[i];

		intake_tell_end(in, &s->primary, &in->rings[s->ring], s->number, LEASE_FAILED);
	}
	for (unsigned i = 0; i < in->n_fills; i++)
		intake_tell_end(in, &in->fills[i].primary, in->fills[i].ring, in->fills[i].number,
		    LEASE_FAILED);
}

void
intake_heed_leases(struct intake *in, struct lease_table *leases)
{
	in->leases = leases;
	lease_forget_fills(leases, &in->wake);
}
