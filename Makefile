# proxyd: one Makefile, not recursive. `make help` says what it can do.
#
# Everything built goes to $(B); each flavour (SAN=1, CC=clang, cov, fuzz) has a folder of its own, so that
# they live side by side. Sources are found, not listed: a new file is built because it is there.

.DEFAULT_GOAL := all
.DELETE_ON_ERROR:
.SUFFIXES:
MAKEFLAGS += -r
ifeq ($(filter -j% --jobserver%,$(MAKEFLAGS)),)
MAKEFLAGS += -j$(shell nproc)
endif

ifeq ($(origin CC),default)
CC := gcc
endif
AR := ar
PYTHON ?= /usr/bin/python3
PKG_CONFIG ?= pkg-config
PREFIX ?= /usr/local
DESTDIR ?=
GOALS := $(or $(MAKECMDGOALS),all)

# -------------------------------------------------------------- flavour

ifneq ($(filter fuzz,$(GOALS)),)
CC := clang
SAN := 1
FLAVOUR := fuzz
else ifneq ($(filter cov,$(GOALS)),)
FLAVOUR := cov
else
FLAVOUR := $(if $(findstring clang,$(CC)),clang$(if $(SAN),-san),$(if $(SAN),san,release))
endif
B ?= .build/$(FLAVOUR)

# ---------------------------------------------------------------- flags
# What asks the compiler or pkg-config is expanded at its first use and then kept: `make run` on a bare machine
# installs both before anything is compiled.

once = $(eval $(1) := $(2))$($(1))
takes = $(shell for f in $(1); do \
	printf 'int x;' | $(CC) -Werror $$f -O2 -x c -c -o /dev/null - 2>/dev/null && printf '%s ' "$$f"; done)

HARDEN_FLAGS := -fstack-protector-strong -fstack-clash-protection -fcf-protection=full \
	-ftrivial-auto-var-init=zero -fzero-call-used-regs=used-gpr -fno-strict-overflow
HARDEN = $(call once,HARDEN,$(call takes,$(HARDEN_FLAGS)))
WARN := -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wswitch-enum $(if $(WERROR),-Werror)

ifeq ($(FLAVOUR),fuzz)
MODE_FLAGS = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
else ifeq ($(FLAVOUR),cov)
MODE_FLAGS = -O0 --coverage
else ifneq ($(SAN),)
MODE_FLAGS = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
else
MODE_FLAGS = -O2 -D_FORTIFY_SOURCE=3 $(HARDEN)
endif

# Packages are named when the first file needs them: openssl, zlib, lmdb, libmaxminddb and libnghttp2 are to come.
PKGS := libconfig jansson libcares libpcre2-8
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(shell $(PKG_CONFIG) --cflags $(PKGS)))
PKG_LIBS = $(call once,PKG_LIBS,$(shell $(PKG_CONFIG) --libs $(PKGS)))
CHECK_LIBS = $(call once,CHECK_LIBS,$(shell $(PKG_CONFIG) --libs check))

CPPFLAGS_ALL = -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 -g -fPIE $(MODE_FLAGS) $(WARN) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed $(LDFLAGS)
COMPILE = $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
LINK = $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@

# -------------------------------------------------------------- sources

MAINS := master/main.c tools/proxyctl/main.c
SRC := $(sort $(shell find conf cache worker master tools/proxyctl -name '*.c'))
LIB_SRC := $(filter-out $(MAINS),$(SRC))
UNIT_SRC := $(sort $(shell find tests/unit -name 'test_*.c'))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))

obj = $(patsubst %.c,$(B)/%.o,$(1))
LIB := $(B)/libproxyd.a
BIN := $(if $(wildcard master/main.c),$(B)/proxyd) $(if $(wildcard tools/proxyctl/main.c),$(B)/proxyctl)
UNIT := $(UNIT_SRC:%.c=$(B)/%)
REPLAY := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(B)/tests/fuzz/replay_%)
FUZZ := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/tests/fuzz/%)
OBJ := $(call obj,$(SRC) $(UNIT_SRC) $(FUZZ_SRC) tests/fuzz/replay.c)

# ---------------------------------------------------------------- build

.PHONY: all
all: $(LIB) $(BIN)

$(B)/proxyd: $(B)/master/main.o $(LIB)
	$(LINK) $^ $(PKG_LIBS)

$(B)/proxyctl: $(B)/tools/proxyctl/main.o $(LIB)
	$(LINK) $^ $(PKG_LIBS)

$(LIB): $(call obj,$(LIB_SRC)) $(B)/sources
	@rm -f $@
	$(AR) rcs $@ $(filter %.o,$^)

$(OBJ): $(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(COMPILE)

# Rewritten only when their text changes: other flags rebuild everything, a file that left rebuilds the archive.
stamp = @mkdir -p $(@D); printf '%s\n' '$(strip $(1))' | cmp -s - $@ || printf '%s\n' '$(strip $(1))' >$@
$(B)/flags: FORCE | $(DEPS)
	$(call stamp,$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL))
$(B)/sources: FORCE
	$(call stamp,$(LIB_SRC))

.PHONY: FORCE
FORCE:

-include $(OBJ:.o=.d)

# ---------------------------------------------------------------- tests

$(UNIT): $(B)/%: $(B)/%.o $(LIB)
	$(LINK) $^ $(CHECK_LIBS) $(PKG_LIBS)

$(REPLAY): $(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(LIB)
	$(LINK) $^ $(PKG_LIBS)

$(FUZZ): $(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(LIB)
	$(LINK) -fsanitize=fuzzer $^ $(PKG_LIBS)

.PHONY: test-unit
test-unit: $(UNIT)
	@tests/unit/run $(UNIT)

.PHONY: clean
clean:
	rm -rf .build
