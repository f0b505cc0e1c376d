# SPDX-License-Identifier: BSD-2-Clause
# whither: make, make check, make demo. Everything built goes to $(O).

O ?= build
PREFIX ?= /usr/local
FUZZ_SECONDS ?= 60
CC = gcc
CLANG = clang
BPFTOOL = $(firstword $(wildcard /usr/sbin/bpftool) bpftool)
PKGS = libbpf libxdp libmnl libcares libcap-ng ck libzstd json-c libisal libcrypto

CFLAGS ?= -O2 -g
WARN = -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
	-Wvla -Wswitch-enum -Wno-unused-parameter $(WERROR)
# gcc's choice on x86, rep stos, begins slowly: 5 % of what user space takes
STOS = -mmemset-strategy=unrolled_loop:512:noalign,libcall:-1:noalign
TUNE := $(shell $(CC) $(STOS) -E -x c /dev/null >/dev/null 2>&1 && echo $(STOS))
BASE = -std=gnu17 -D_GNU_SOURCE -Iinclude -Iuser -Itests -I$(O)/gen -MMD -MP
BPF_CFLAGS = -O2 -g -target bpf -mcpu=v3 -Iinclude -Ibpf \
	-I/usr/include/$(shell $(CC) -dumpmachine) -Wall $(WERROR) -MMD -MP
FUZZ_CFLAGS = -O1 -g -Wno-gnu-variable-sized-type-not-at-end -fsanitize=address,undefined -fno-sanitize-recover=all \
	-DFUZZING_BUILD_MODE_UNSAFE_FOR_PRODUCTION
PKG_CFLAGS := $(shell pkg-config --cflags $(PKGS) 2>/dev/null)
# ck is wanted for its headers alone
PKG_LIBS := $(shell pkg-config --libs $(filter-out ck,$(PKGS)) 2>/dev/null)
LIBS = $(PKG_LIBS) -lelf -lz -lpthread -lm

Q = $(if $(V),,@)
say = $(if $(V),,@printf '  %-7s %s\n' $(1) $(2);)

lib_src = $(filter-out user/main.c,$(wildcard user/*/*.c))
lib_obj = $(lib_src:%.c=$(O)/%.o)
skels = $(patsubst bpf/%.bpf.c,$(O)/gen/%.skel.h,$(wildcard bpf/*.bpf.c))
test_skels = $(patsubst tests/bpf/%.bpf.c,$(O)/gen/%.skel.h, \
	$(wildcard tests/bpf/*.bpf.c))
tools = $(patsubst tools/%.c,$(O)/tools/%,$(wildcard tools/*.c))
shared_obj = $(patsubst %.c,$(O)/%.o,$(wildcard tests/*.c))
units = $(patsubst %.c,$(O)/%,$(wildcard tests/unit/*_test.c))
bpf_tests = $(patsubst %.c,$(O)/%,$(wildcard tests/bpf/*_test.c))
labs = $(wildcard tests/lab/*_test.sh)
fuzzers = $(patsubst %.c,$(O)/%,$(wildcard tests/fuzz/*_fuzz.c))

all: $(O)/whither $(tools)

# What every object waits for: a folder that git ignores, and the packages.
$(O)/.ready:
	@CC="$(CC)" CLANG="$(CLANG)" PKGS="$(PKGS)" tools/setup --check
	@mkdir -p $(O) && echo '*' >$(O)/.gitignore && touch $@

$(O)/%.bpf.o: bpf/%.bpf.c | $(O)/.ready
	@mkdir -p $(@D)
	$(call say,CLANG,$@) $(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/%.bpf.o: tests/bpf/%.bpf.c | $(O)/.ready
	@mkdir -p $(@D)
	$(call say,CLANG,$@) $(CLANG) $(BPF_CFLAGS) -c $< -o $@

$(O)/gen/%.skel.h: $(O)/%.bpf.o
	@mkdir -p $(@D)
	$(call say,SKEL,$@) $(BPFTOOL) gen skeleton $< name $* >$@ 2>/dev/null

# Skeletons are order-only: what includes one says so in its .d file.
$(O)/%.o: %.c | $(skels) $(O)/.ready
	@mkdir -p $(@D)
	$(call say,CC,$@) $(CC) $(BASE) $(TUNE) $(WARN) $(CFLAGS) $(PKG_CFLAGS) \
		-c $< -o $@

$(bpf_tests:%=%.o): | $(test_skels)

$(O)/libwhither.a: $(lib_obj)
$(O)/libtests.a: $(shared_obj)
$(O)/fuzz/libwhither.a: $(lib_obj:$(O)/%=$(O)/fuzz/%)
$(O)/fuzz/libtests.a: $(shared_obj:$(O)/%=$(O)/fuzz/%)

%.a:
	$(call say,AR,$@) rm -f $@ && ar rcs $@ $^

$(O)/whither: $(O)/user/main.o $(O)/libwhither.a
	$(call say,LD,$@) $(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

$(tools): $(O)/tools/%: $(O)/tools/%.o $(O)/libwhither.a
	$(call say,LD,$@) $(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS)

$(units) $(bpf_tests): $(O)/%: $(O)/%.o $(O)/libtests.a $(O)/libwhither.a
	$(call say,LD,$@) $(CC) $(CFLAGS) $(LDFLAGS) $^ -o $@ $(LIBS) -lcmocka

# Fuzzers link the same modules, built once more with clang's sanitizers.
$(O)/fuzz/%.o: %.c | $(skels) $(O)/.ready
	@mkdir -p $(@D)
	$(call say,FUZZ,$@) $(CLANG) $(BASE) $(FUZZ_CFLAGS) \
		-fsanitize=fuzzer-no-link $(PKG_CFLAGS) -c $< -o $@

$(fuzzers): $(O)/%: $(O)/fuzz/%.o $(O)/fuzz/libtests.a \
	$(O)/fuzz/libwhither.a
	@mkdir -p $(@D)
	$(call say,LD,$@) $(CLANG) $(FUZZ_CFLAGS) -fsanitize=fuzzer $^ -o $@ \
		$(LIBS)

# Test programs are built anew first; one that does not build has failed.
jobs = $(if $(filter -j%,$(MAKEFLAGS)),,-j$(shell nproc))
build = $(MAKE) --no-print-directory $(if $(V),,-s) -k $(jobs) $(1) && \
	rm -f $(O)/.broken || touch $(O)/.broken
run = O=$(O) WHITHER=$(O)/whither FUZZ_SECONDS=$(FUZZ_SECONDS) tests/run $(1)

check: setup
	+@$(call build,all $(units) $(bpf_tests) $(fuzzers))
	@$(call run,$(units) $(bpf_tests) $(labs) $(fuzzers))

check-unit:
	+@$(call build,$(units))
	@$(call run,$(units))

check-bpf:
	+@$(call build,$(bpf_tests))
	@$(call run,$(bpf_tests))

check-lab:
	+@$(call build,all)
	@$(call run,$(labs))

fuzz:
	+@$(call build,$(fuzzers))
	@$(call run,$(fuzzers))

setup:
	@tools/setup

demo: setup
	@$(MAKE) --no-print-directory $(jobs) all
	@O=$(O) tools/demo

bench: all
	@O=$(O) tools/bench

lint:
	@.ci/lint

install: all
	install -D -m 755 $(O)/whither $(DESTDIR)$(PREFIX)/bin/whither
	install -D -m 644 user/whither.8 \
		$(DESTDIR)$(PREFIX)/share/man/man8/whither.8

clean:
	rm -rf $(O)

.DELETE_ON_ERROR:
.SECONDARY:
.PHONY: all check check-unit check-bpf check-lab fuzz setup demo bench lint \
	install clean
-include $(shell find $(O) -name '*.d' 2>/dev/null)
