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

ifneq ($(filter fuzz fuzz-%,$(GOALS)),)
CC := clang
SAN := 1
FLAVOUR := fuzz
else ifneq ($(filter cov,$(GOALS)),)
FLAVOUR := cov
else ifneq ($(filter valgrind valgrind-flow,$(GOALS)),)
FLAVOUR := valgrind
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
else ifeq ($(FLAVOUR),valgrind)
MODE_FLAGS = -O1 -fno-omit-frame-pointer
else ifneq ($(SAN),)
MODE_FLAGS = -O1 -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
else
MODE_FLAGS = -O2 -D_FORTIFY_SOURCE=3 $(HARDEN)
endif

# Packages are named when the first file needs them: openssl, zlib, libmaxminddb and libnghttp2 are to come.
PKGS := libconfig jansson libcares libpcre2-8 lmdb
PKG_CFLAGS = $(call once,PKG_CFLAGS,$(shell $(PKG_CONFIG) --cflags $(PKGS)))
PKG_LIBS = $(call once,PKG_LIBS,$(shell $(PKG_CONFIG) --libs $(PKGS)))
CHECK_LIBS = $(call once,CHECK_LIBS,$(shell $(PKG_CONFIG) --libs check))

CPPFLAGS_ALL = -D_GNU_SOURCE -I. $(PKG_CFLAGS) $(CPPFLAGS)
CFLAGS_ALL = -std=gnu11 -g -fPIE $(MODE_FLAGS) $(WARN) $(CFLAGS)
LDFLAGS_ALL = -pie -Wl,-z,relro,-z,now,-z,noexecstack -Wl,--as-needed \
	$(if $(filter cov,$(FLAVOUR)),-Wl$(,)--wrap=_exit$(,)--wrap=raise) $(LDFLAGS)
, := ,
ifdef V
do = $(2)
else
do = @printf '  %-4s %s\n' $(1) $@; $(2)
endif

COMPILE = $(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) -MMD -MP -c -o $@ $<
LINK = $(CC) $(CFLAGS_ALL) $(LDFLAGS_ALL) -o $@

# ------------------------------------------------- packages on demand
# Goals that people start with bring the Debian packages they need; plain `make` never installs anything.

DEP_GROUPS := $(sort $(if $(filter run bench bench-gate bench-evict bench-keeper test test-unit test-flow test-fuzz cache-tests faults torture fuzz fuzz-% cov lint format valgrind valgrind-flow,$(GOALS)),build) \
	$(if $(filter test test-unit test-flow test-fuzz cache-tests faults torture fuzz fuzz-% cov valgrind valgrind-flow,$(GOALS)),test) \
	$(if $(filter lint format fuzz fuzz-% cov valgrind valgrind-flow,$(GOALS)),lint) $(if $(filter bench bench-gate,$(GOALS)),bench))
DEPS := $(if $(DEP_GROUPS),deps)
.PHONY: deps
deps:
	@tools/dev/deps $(or $(DEP_GROUPS),build test lint bench)

# -------------------------------------------------------------- sources

MAINS := master/main.c tools/proxyctl/main.c
ROOMS := conf cache worker master tools/proxyctl
SRC := $(sort $(shell find $(ROOMS) -name '*.c'))
LIB_SRC := $(filter-out $(MAINS),$(SRC))
UNIT_SRC := $(sort $(shell find tests/unit -name 'test_*.c'))
FUZZ_SRC := $(sort $(wildcard tests/fuzz/fuzz_*.c))

obj = $(patsubst %.c,$(B)/%.o,$(1))
LIB := $(B)/libproxyd.a
BIN := $(if $(wildcard master/main.c),$(B)/proxyd) $(if $(wildcard tools/proxyctl/main.c),$(B)/proxyctl)
UNIT := $(UNIT_SRC:%.c=$(B)/%)
REPLAY := $(FUZZ_SRC:tests/fuzz/fuzz_%.c=$(B)/tests/fuzz/replay_%)
FUZZ := $(FUZZ_SRC:tests/fuzz/%.c=$(B)/tests/fuzz/%)
FAULT_SRC := tests/faults/src/load.c tests/faults/src/origin.c
FAULT := $(FAULT_SRC:%.c=$(B)/%) $(B)/tests/faults/src/enfile.so
OBJ := $(call obj,$(SRC) $(UNIT_SRC) $(FUZZ_SRC) $(FAULT_SRC) tests/fuzz/replay.c tests/fuzz/budget.c tools/dev/confref.c \
	tools/dev/covflush.c tests/bench/src/evict.c tests/bench/src/keepcost.c)

# ---------------------------------------------------------------- build

.PHONY: all
all: $(LIB) $(BIN)

$(B)/proxyd: $(B)/master/main.o $(LIB)
	$(call do,LD,$(LINK)) $^ $(PKG_LIBS)

$(B)/proxyctl: $(B)/tools/proxyctl/main.o $(LIB)
	$(call do,LD,$(LINK)) $^ $(PKG_LIBS)

$(LIB): $(call obj,$(LIB_SRC)) $(B)/sources
	@rm -f $@
	$(call do,AR,$(AR) rcs) $@ $(filter %.o,$^)

$(OBJ): $(B)/%.o: %.c $(B)/flags
	@mkdir -p $(@D)
	$(call do,CC,$(COMPILE))

# Rewritten only when their text changes: other flags rebuild everything, a file that left rebuilds the archive.
stamp = @mkdir -p $(@D); printf '%s\n' '$(strip $(1))' | cmp -s - $@ || printf '%s\n' '$(strip $(1))' >$@
$(B)/flags: FORCE | $(DEPS)
	$(call stamp,$(CC) $(CPPFLAGS_ALL) $(CFLAGS_ALL) $(LDFLAGS_ALL))
$(B)/sources: FORCE
	$(call stamp,$(LIB_SRC))

.PHONY: FORCE
FORCE:

-include $(OBJ:.o=.d)

ifeq ($(FLAVOUR),cov)
$(B)/proxyd $(B)/proxyctl $(B)/tools/dev/confref $(UNIT) $(REPLAY): $(B)/tools/dev/covflush.o
endif

# ---------------------------------------------------------------- tests

$(UNIT): $(B)/%: $(B)/%.o $(LIB)
	$(call do,LD,$(LINK)) $^ $(CHECK_LIBS) $(PKG_LIBS)

# The oracle of HTTP/1 is Node's parser, of which Debian's node-llhttp carries the source; tests only.
LLHTTP := /usr/share/llhttp
LLHTTP_HEADERS := -isystem /usr/share/include/llhttp
LLHTTP_OBJ := $(patsubst %,$(B)/llhttp/%.o,api http llhttp)
$(LLHTTP_OBJ): $(B)/llhttp/%.o: $(B)/flags
	@mkdir -p $(@D)
	$(call do,CC,$(CC) -O1 -g -fPIE -w -DLLHTTP_STRICT_MODE=1 $(LLHTTP_HEADERS) -c -o $@ $(LLHTTP)/$*.c)
$(B)/llhttp.a: $(LLHTTP_OBJ)
	@rm -f $@
	$(call do,AR,$(AR) rcs) $@ $^
$(B)/tests/fuzz/fuzz_llhttp_%.o: private CPPFLAGS += $(LLHTTP_HEADERS)

FUZZ_LINK = $(LINK) -Wl,--wrap=LLVMFuzzerTestOneInput
FUZZ_WITH := $(B)/tests/fuzz/budget.o $(LIB) $(B)/llhttp.a

$(REPLAY): $(B)/tests/fuzz/replay_%: $(B)/tests/fuzz/fuzz_%.o $(B)/tests/fuzz/replay.o $(FUZZ_WITH)
	$(call do,LD,$(FUZZ_LINK)) $^ $(PKG_LIBS)

$(FUZZ): $(B)/tests/fuzz/fuzz_%: $(B)/tests/fuzz/fuzz_%.o $(FUZZ_WITH)
	$(call do,LD,$(FUZZ_LINK)) -fsanitize=fuzzer $^ $(PKG_LIBS)

# A test stops at the first sanitizer report; processes that clear their dumpable flag cannot be ptraced for leaks.
export ASAN_OPTIONS := abort_on_error=1:detect_stack_use_after_return=1:$(ASAN_OPTIONS)
export UBSAN_OPTIONS := print_stacktrace=1:halt_on_error=1:$(UBSAN_OPTIONS)

# K=words chooses flow tests as pytest -k does; J is how many run side by side.
K ?=
J ?= 2
PYTEST = PROXYD=$(abspath $(B))/proxyd PROXYCTL=$(abspath $(B))/proxyctl PYTHONDONTWRITEBYTECODE=1 \
	$(PYTHON) -m pytest -q -p no:cacheprovider --timeout=120 -n $(J) $(if $(K),-k '$(K)') tests/flow

.PHONY: test test-unit test-fuzz test-flow
test: all $(UNIT) $(REPLAY)
	@rc=0; \
	echo '== unit tests ($(FLAVOUR))'; tests/unit/run $(UNIT) || rc=1; \
	echo '== fuzz corpus ($(FLAVOUR))'; tests/fuzz/run $(REPLAY) || rc=1; \
	echo '== flow tests ($(FLAVOUR))'; $(PYTEST) || rc=1; \
	exit $$rc

test-unit: $(UNIT)
	@tests/unit/run $(UNIT)

test-fuzz: $(REPLAY)
	@tests/fuzz/run $(REPLAY)

test-flow: all
	@$(PYTEST)

# What the public suite of cache tests says of RFC 9111, as a reverse and as a forward proxy: a minute, little CPU. The suite
# comes from npm, once.
CACHE_SUITE := .build/cache-tests
.PHONY: cache-tests
cache-tests: all
	@tests/conformance/cache/fetch $(CACHE_SUITE)
	@PROXYD=$(abspath $(B))/proxyd timeout 300 tests/conformance/cache/run $(CACHE_SUITE)/node_modules/http-cache-tests

# What breaks under load, and what then holds: SECURITY.md 3. CI=1 is the short form; K chooses faults as pytest -k does.
.PHONY: faults
$(FAULT_SRC:%.c=$(B)/%): $(B)/%: $(B)/%.o
	$(call do,LD,$(LINK)) $^

$(B)/%.so: %.c
	@mkdir -p $(@D)
	$(call do,LD,$(CC)) $(CPPFLAGS_ALL) -std=gnu11 -O2 -g $(WARN) -fPIC -shared -o $@ $<

faults: all $(FAULT)
	@PROXYD=$(abspath $(B))/proxyd PROXYCTL=$(abspath $(B))/proxyctl PYTHONDONTWRITEBYTECODE=1 \
	    $(PYTHON) -m pytest -v --timeout=900 $(if $(K),-k '$(K)') tests/faults

# Fails each allocation of each scenario in turn, then 1 % at random: SECURITY.md F8. STRIDE=1 is the full form, RANDOM
# seconds; NAMES chooses scenarios. The shim is built plain: a sanitizer has an allocator of its own.
STRIDE ?= $(if $(CI),12,1)
RANDOM ?= $(if $(CI),20,600)
NAMES ?=
TORTURE := $(B)/tests/torture/shim.so
.PHONY: torture
$(TORTURE): tests/torture/src/shim.c
	@mkdir -p $(@D)
	$(call do,LD,$(CC) -std=gnu11 -D_GNU_SOURCE -O1 -g $(WARN) -fPIC -shared -o $@ $<)

torture: all $(TORTURE)
	@PROXYD=$(abspath $(B))/proxyd PROXYCTL=$(abspath $(B))/proxyctl PYTHONDONTWRITEBYTECODE=1 \
	    $(PYTHON) tests/torture/torture $(TORTURE) -j $(J) -s $(STRIDE) -r $(RANDOM) $(NAMES)

# Check forks each test and valgrind follows; what a child leaks or misreads is that test's failure. Then a short
# life of the whole program. Built without the flags that set every variable to zero: they hide what was not set.
# Then scenarios of the flow suite, each process of theirs under valgrind: no report, no block lost, no descriptor left.
SCENARIOS = $(shell grep -v '^\#' tests/flow/valgrind.txt | head -n $(if $(CI),6,1000))
.PHONY: valgrind valgrind-flow
valgrind-flow: all
	@VALGRIND=1 $(subst --timeout=120,--timeout=300,$(PYTEST:%tests/flow=%)) $(SCENARIOS:%=tests/flow/%)
	@echo 'valgrind: $(words $(SCENARIOS)) scenarios, no report, no leak, no descriptor left'

valgrind: all $(UNIT) valgrind-flow
	@tools/dev/valgrind $(B)
	@CK_TIMEOUT_MULTIPLIER=20 WRAP='valgrind -q --error-exitcode=99 --leak-check=full --errors-for-leak-kinds=definite' \
	    tests/unit/run $(UNIT)

# New inputs land in .build/fuzz/corpus/NOUN; fuzz-seeds moves what is worth keeping to tests/fuzz/seeds/NOUN.
# NOUNS chooses among the targets: make fuzz-all S=600 J=2 NOUNS='uri chunked'
T ?=
S ?= 60
NOUNS ?= $(FUZZ_SRC:tests/fuzz/fuzz_%.c=%)
.PHONY: fuzz fuzz-all fuzz-seeds
fuzz: $(filter $(B)/tests/fuzz/fuzz_$(T),$(FUZZ))
	@test -n '$^' || \
	    { echo 'usage: make fuzz T=NOUN S=SECONDS; nouns: $(FUZZ_SRC:tests/fuzz/fuzz_%.c=%)'; exit 2; }
	@mkdir -p $(B)/corpus/$(T) $(B)/found tests/fuzz/seeds/$(T)
	$(B)/tests/fuzz/fuzz_$(T) -max_total_time=$(S) -print_final_stats=1 -artifact_prefix=$(B)/found/ \
	    $(B)/corpus/$(T) tests/fuzz/seeds/$(T)

fuzz-all: $(NOUNS:%=$(B)/tests/fuzz/fuzz_%)
	@tests/fuzz/campaign $(B) $(S) $(J) $(NOUNS)

fuzz-seeds: $(NOUNS:%=$(B)/tests/fuzz/fuzz_%)
	@tests/fuzz/minimise $(B) $(NOUNS)

# Processes that dropped root write their counts too, hence the umask and the folders open to all.
.PHONY: cov
cov: all $(UNIT) $(REPLAY)
	@find $(B) -name '*.gcda' -delete; find $(B) -type d -exec chmod a+rwx {} +
	-@umask 0; tests/unit/run $(UNIT); tests/fuzz/run $(REPLAY); $(PYTEST)
	@tools/dev/gcov $(B) $(B)/lines.csv $(B)/lines.json $(ROOMS)
	@tools/dev/coverage --lines $(B)/lines.csv $(B)/lines.json

# ---------------------------------------------------------------- lint

LINT_C := $(SRC) $(FUZZ_SRC) tests/fuzz/replay.c tests/fuzz/budget.c
FORMAT_FILES := $(filter-out %_tbl.h,$(shell find conf cache worker master tools tests/unit tests/fuzz -name '*.[ch]'))
TIDY := $(LINT_C:%=.build/lint/%.tidy)

ifneq ($(filter lint,$(GOALS)),)
MAKEFLAGS += -k
endif

.PHONY: lint format layers lint-format lint-cppcheck
lint: layers lint-format $(TIDY) lint-cppcheck
	@echo 'lint: $(words $(LINT_C)) sources, 0 findings'

layers: | $(DEPS)
	@tools/dev/layers

lint-format: | $(DEPS)
	@tools/dev/format $(FORMAT_FILES)

# One stamp per source, remade when the file, a header of it or the checks change.
$(TIDY): .build/lint/%.tidy: % .clang-tidy | $(DEPS)
	@mkdir -p $(@D)
	$(call do,TIDY,clang-tidy --quiet $<) -- -std=gnu11 -D_GNU_SOURCE -I. $(LLHTTP_HEADERS) 2>$@.err || { cat $@.err; exit 1; }
	@gcc -std=gnu11 -D_GNU_SOURCE -I. $(LLHTTP_HEADERS) -MM -MP -MT $@ -MF $(@:.tidy=.d) $< && touch $@
-include $(TIDY:.tidy=.d)

lint-cppcheck: | $(DEPS)
	@mkdir -p .build/lint/cppcheck
	@cppcheck --quiet -j 2 --cppcheck-build-dir=.build/lint/cppcheck --std=c11 -D_GNU_SOURCE -I. \
	    --enable=warning,performance,portability --inline-suppr --suppressions-list=tools/dev/cppcheck.txt \
	    --error-exitcode=1 $(SRC)
	@echo 'cppcheck: $(words $(SRC)) sources, 0 findings'

format: | $(DEPS)
	tools/dev/format --fix $(FORMAT_FILES)

# ----------------------------------------------------------- run, bench

.PHONY: run
run: all
	@tools/dev/run $(B)

# About a minute, at most fifteen when the machine's lock is held by another run. Longer, other peers, other scenarios:
# tests/bench/bench -h. BENCH_ARGS adds to the line below.
.PHONY: bench
bench: all
	PROXYD=$(abspath $(B))/proxyd timeout --foreground 900 tests/bench/bench --peers tests/bench -p proxyd,nginx,nginx-tuned,haproxy,squid \
	    -s miss-1k,forward-get,connect-bulk -r 3 -o $(B)/bench.json $(BENCH_ARGS)
	@tests/bench/table $(B)/bench.json

# Every bar of speed with its verdict, beside its peers; a quiet machine, ten minutes.
.PHONY: bench-gate
bench-gate: all
	PROXYD=$(abspath $(B))/proxyd timeout --foreground 1500 tests/bench/gate -o $(B)/gate.json $(BENCH_ARGS)

# Who leaves a full cache: hit ratios on traces made from a seed, LRU beside. Seconds.
.PHONY: bench-evict
$(B)/tests/bench/src/evict: $(B)/tests/bench/src/evict.o $(LIB)
	$(call do,LD,$(LINK)) $^ $(PKG_LIBS) -lm

bench-evict: $(B)/tests/bench/src/evict
	@$<

.PHONY: bench-keeper
$(B)/tests/bench/src/keepcost: $(B)/tests/bench/src/keepcost.o $(LIB)
	$(call do,LD,$(LINK)) $^ $(PKG_LIBS)

bench-keeper: $(B)/tests/bench/src/keepcost
	@$<

# ------------------------------------------------------------ reference
# The files are committed; tests/unit/conf/test_reference and tools/proxyctl/test_manual fail when they are stale.

.PHONY: reference
reference: $(B)/tools/dev/confref
	$< markdown >conf/REFERENCE.md
	$< man >conf/proxyd.conf.5
	$< proxyctl <tools/proxyctl/proxyctl.1.in >tools/proxyctl/proxyctl.1

$(B)/tools/dev/confref: $(B)/tools/dev/confref.o $(LIB)
	$(call do,LD,$(LINK)) $^ $(PKG_LIBS)

# -------------------------------------------------------------- install

SHARE = $(DESTDIR)$(PREFIX)/share
MAN := $(wildcard conf/*.[58] conf/*/*.[58] master/*.8 tools/proxyctl/*.1)
.PHONY: install
install: all
	install -D -m 755 $(B)/proxyd $(DESTDIR)$(PREFIX)/sbin/proxyd
	install -D -m 755 $(B)/proxyctl $(DESTDIR)$(PREFIX)/bin/proxyctl
	install -D -m 644 -t $(SHARE)/doc/proxyd README.md LICENSE $(wildcard conf/REFERENCE.md)
	install -D -m 644 -t $(SHARE)/doc/proxyd/examples $(wildcard conf/examples/*.conf)
	install -D -m 644 -t $(SHARE)/doc/proxyd/examples/pages $(wildcard conf/examples/pages/*)
	install -d $(SHARE)/bash-completion/completions $(DESTDIR)$(PREFIX)/lib/systemd/system
	sed 's|/usr/local/|$(PREFIX)/|' master/proxyd.service >$(DESTDIR)$(PREFIX)/lib/systemd/system/proxyd.service
	$(B)/proxyctl completion bash >$(SHARE)/bash-completion/completions/proxyctl
	$(foreach m,$(MAN),install -D -m 644 $(m) $(SHARE)/man/man$(patsubst .%,%,$(suffix $(m)))/$(notdir $(m)) &&) true

.PHONY: clean
clean:
	rm -rf .build

.PHONY: help
help:
	@echo 'make                      proxyd, proxyctl and libproxyd.a into .build/release'
	@echo 'make run                  try it: an origin, the reverse and the forward example, Ctrl-C ends all'
	@echo 'make test                 unit tests, fuzz corpus, flow tests'
	@echo 'make test-unit | test-fuzz | test-flow [K=words] [J=2]'
	@echo 'make cache-tests          the public suite of RFC 9111 tests, from npm'
	@echo 'make faults [CI=1]        what breaks under load, with ledgers on both sides; CI=1: the short form'
	@echo 'make torture [CI=1]       fails every allocation in turn, over all roles; STRIDE=12 RANDOM=20 NAMES="start reload"'
	@echo 'make lint | format        include order, clang-format, clang-tidy, cppcheck | reformat'
	@echo 'make bench                CPU per request beside nginx, HAProxy and Squid'
	@echo 'make bench-evict          hit ratios of the cache beside LRU, on made traces'
	@echo 'make bench-keeper         what an object costs the process that writes the cache'
	@echo 'make bench-gate           every bar of speed with its verdict'
	@echo 'make fuzz T=noun S=60     libFuzzer on one target; fuzz-all S=600 J=2: on all; fuzz-seeds: keep what was found'
	@echo 'make cov | valgrind       coverage of all tests | unit tests and 30 scenarios under valgrind; valgrind-flow [CI=1]'
	@echo 'make install DESTDIR= PREFIX=/usr/local'
	@echo 'make deps | clean | help'
	@echo 'with SAN=1 (ASan and UBSan), CC=clang, WERROR=1, V=1 (show commands), B=folder'
