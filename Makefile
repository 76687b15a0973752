# SPDX-License-Identifier: Apache-2.0
# slicegate: `make demo` and `make test` do everything on a fresh Debian 12 machine.
#
# Sources are found by wildcard: adding a file needs no edit here. Everything made goes
# under build/<flavour>/. Knobs: CC, FLAVOUR=release|debug|asan|tsan|fuzz, V=1.

CC       ?= cc
ifeq ($(origin CC),default)
CC       := gcc
endif
FLAVOUR  ?= release
V        ?=
Q        := $(if $(V),,@)
VERSION  := 0.1.0

OUT      := build/$(FLAVOUR)
MODULES  := base sys doc model packing pricing state policy wire admission extender explain http certs kube simulate cli

STD      := -std=c17 -D_GNU_SOURCE -Iinclude -I.
NAMED    := -DSLICEGATE_VERSION='"$(VERSION)"'
WARN     := -Wall -Wextra -Wconversion -Wshadow -Wstrict-prototypes -Wmissing-prototypes \
            -Wvla -Wformat=2 -Wundef -Wpointer-arith -Werror
HARDEN   := -fstack-protector-strong -fPIE
LIBS     := -lmicrohttpd -lgnutls -lyaml -ljansson -lcurl -lcrypto -lpthread -lm
LINK     := -pie -Wl,-z,relro,-z,now

OPT_release := -O2 -g1 -D_FORTIFY_SOURCE=2 -flto=auto
OPT_debug   := -O0 -g3
OPT_asan    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined -fno-sanitize-recover=all
OPT_tsan    := -O1 -g -fno-omit-frame-pointer -fsanitize=thread
OPT_fuzz    := -O1 -g -fno-omit-frame-pointer -fsanitize=address,undefined,fuzzer-no-link -fno-sanitize-recover=all
ifeq ($(OPT_$(FLAVOUR)),)
$(error FLAVOUR must be release, debug, asan, tsan or fuzz, not "$(FLAVOUR)")
endif
CFLAGS_ALL := $(STD) $(NAMED) $(WARN) $(HARDEN) $(OPT_$(FLAVOUR)) $(CFLAGS)

# Linking compiles again (LTO). Every warning was an error before; what gcc suspects across all
# sources at once is mostly not so, and stops nothing.
LINK_ALL := $(HARDEN) $(OPT_$(FLAVOUR)) $(CFLAGS) -w $(LINK)

LIB_SRC  := $(filter-out src/cli/main.c,$(foreach m,$(MODULES),$(wildcard src/$(m)/*.c)))
LIB_OBJ  := $(LIB_SRC:%.c=$(OUT)/%.o)
LIB      := $(OUT)/libslicegate.a
BIN      := $(OUT)/slicegate
SUPPORT_OBJ := $(patsubst %.c,$(OUT)/%.o,$(filter-out tests/support/check_main.c tests/support/fuzz_main.c,$(wildcard tests/support/*.c)))

# One test program for each folder below tests/unit, tests/property and tests/integration.
SUITES   := $(foreach k,unit property integration,$(patsubst tests/%/,%,$(sort $(dir $(wildcard tests/$(k)/*/suite.c)))))
SUITE_BINS := $(SUITES:%=$(OUT)/tests/%/suite)
FUZZERS  := $(patsubst tests/fuzz/%.c,%,$(wildcard tests/fuzz/*.c))

.DEFAULT_GOAL := help
.DELETE_ON_ERROR:
.SUFFIXES:
.SECONDARY:

##@ Everyday
.PHONY: help
help: ## this text
	@awk 'BEGIN {FS = ":.*## "} /^##@/ {printf "\n%s\n", substr($$0, 5)} /^[a-z0-9-]+:.*## / {sub(/:.*/, "", $$1); printf "  %-16s %s\n", $$1, $$2}' Makefile tests/targets.mk

.PHONY: build
build: deps build/slicegate ## the release binary, build/slicegate

build/slicegate: FORCE
	@$(MAKE) --no-print-directory FLAVOUR=release build/release/slicegate
	@cmp -s build/release/slicegate $@ || cp build/release/slicegate $@

.PHONY: demo
demo: build ## the webhook without Kubernetes: a review refused, one accepted; offline checks; what-if
	@sh deploy/demo/demo.sh build/slicegate

.PHONY: demo-cluster
demo-cluster: build ## the same story with the real kubectl and kube-apiserver (Go 1.26 or newer)
	@sh tests/e2e/demo.sh build/slicegate

.PHONY: bin
bin: $(BIN)

include tests/targets.mk

##@ Packaging
IMAGE := build/slicegate-$(VERSION).tar

.PHONY: image
image: image-root ## the container image slicegate:VERSION, as an archive in build/
	@sh deploy/image.sh deploy/Dockerfile build/image slicegate:$(VERSION) $(IMAGE)
	@echo "image: slicegate:$(VERSION) in $(IMAGE)"

.PHONY: image-root
image-root: build
	@sh deploy/image-root.sh build/slicegate build/image/root

.PHONY: manifests
manifests: ## deploy/manifests from the chart, for who does not use helm
	@sh deploy/manifests.sh "$$(sh tests/e2e/tools/build.sh helm)/helm" >build/manifests.yaml
	@mkdir -p deploy/manifests && mv build/manifests.yaml deploy/manifests/slicegate.yaml

##@ Housekeeping
.PHONY: deps
deps: ## install the Debian packages that are missing
	@sh deploy/deps.sh

.PHONY: generate
generate: ## src/model/products_table.c from mig-profiles.json, the chart's webhooks from its policy
	jq -r -f src/model/products_table.jq src/model/mig-profiles.json >src/model/products_table.c
	@$(MAKE) --no-print-directory build/slicegate
	sh deploy/chart-webhooks.sh build/slicegate

.PHONY: format
format: ## rewrite sources with clang-format
	$(Q)clang-format -i $$(git ls-files 'include/*.h' 'src/*.[ch]' 'tests/*.[ch]')

.PHONY: install
install: build ## install into $(DESTDIR)$(PREFIX)
	install -D -m 0755 build/slicegate $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/slicegate
	ln -sf slicegate $(DESTDIR)$(or $(PREFIX),/usr/local)/bin/kubectl-slicegate

.PHONY: clean
clean: ## remove build/
	rm -rf build

.PHONY: FORCE
FORCE:

# ---- rules --------------------------------------------------------------------

$(OUT)/%.o: %.c
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC   $@")
	$(Q)$(CC) $(CFLAGS_ALL) -MMD -MP -c $< -o $@

$(LIB): $(LIB_OBJ)
	$(if $(V),,@echo "  AR   $@")
	$(Q)rm -f $@ && gcc-ar rcs $@ $^

$(BIN): $(OUT)/src/cli/main.o $(LIB)
	$(if $(V),,@echo "  LINK $@")
	$(Q)$(CC) $(LINK_ALL) $^ $(LIBS) -o $@

-include $(shell find $(OUT) -name '*.d' 2>/dev/null)
