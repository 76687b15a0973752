# SPDX-License-Identifier: Apache-2.0
# How tests are built and run. Included by the Makefile.

JOBS := -j$(shell nproc)

##@ Tests
.PHONY: test
test: deps ## every test: lint, golden decisions, suites under sanitizers, fuzz corpora, simulate, docs, demo, end to end
	@$(MAKE) --no-print-directory $(JOBS) build/slicegate
	@$(MAKE) --no-print-directory lint
	@$(MAKE) --no-print-directory $(JOBS) test-decisions
	@$(MAKE) --no-print-directory test-asan
	@$(MAKE) --no-print-directory test-tsan
	@$(MAKE) --no-print-directory test-simulate
	@$(MAKE) --no-print-directory test-docs
	@$(MAKE) --no-print-directory e2e-tools
	@$(MAKE) --no-print-directory test-e2e
	@$(MAKE) --no-print-directory -j2 --output-sync test-tsan-live test-node # both mostly wait
	@echo "make test: everything passed$(if $(SKIP_E2E),, end to end included)"

.PHONY: test-asan
test-asan: ## suites and fuzz corpora under AddressSanitizer and UBSan
	@$(MAKE) --no-print-directory FLAVOUR=asan $(JOBS) bin suites replays
	@$(MAKE) --no-print-directory FLAVOUR=asan $(JOBS) --output-sync run-suites
	@$(MAKE) --no-print-directory FLAVOUR=asan run-replays
	@echo "  RUN  tests/integration/serve.sh"; bash tests/integration/serve.sh build/asan/slicegate

.PHONY: test-tsan
# Where threads are: the rest has none, and took most of the time.
TSAN_SUITES := unit/sys unit/packing unit/policy unit/http unit/kube unit/state unit/cli property/kube_watch integration/http_server
test-tsan: ## suites of what has threads under ThreadSanitizer
	@$(MAKE) --no-print-directory FLAVOUR=tsan $(JOBS) bin $(TSAN_SUITES:%=build/tsan/tests/%/suite)
	@$(MAKE) --no-print-directory FLAVOUR=tsan $(JOBS) --output-sync SUITE="$(TSAN_SUITES)" test-suites
	@echo "  RUN  tests/integration/serve.sh"; bash tests/integration/serve.sh build/tsan/slicegate

.PHONY: test-simulate
test-simulate: build ## packing policies on the public lists, few seeds: baselines against published figures
	@echo "  RUN  tests/integration/simulate.sh"; sh tests/integration/simulate.sh build/slicegate

.PHONY: test-decisions
DECISIONS := $(foreach c,gcc clang,$(foreach o,O0 O3,build/decisions/$(c)-$(o)))
DECISION_EXPECTED := tests/golden/packing/decisions.txt
test-decisions: $(DECISIONS) ## packing decides the same with gcc and clang, at -O0 and -O3
	@set -e; for d in $(DECISIONS); do echo "  RUN  $$d"; \
	  if [ -n "$$UPDATE" ]; then $$d >$(DECISION_EXPECTED); unset UPDATE; fi; \
	  $$d | diff $(DECISION_EXPECTED) - || { \
	    echo "decisions are not those of $(DECISION_EXPECTED): wrong, or meant (make golden)"; exit 1; }; \
	  done

# Small enough to be compiled as a whole: no part of it reads recorded clusters.
DECISION_SRC := tests/golden/packing/decisions.c $(wildcard src/base/*.c src/model/*.c) \
                $(filter-out src/packing/intake% src/packing/scene%,$(wildcard src/packing/*.c))
$(DECISIONS): build/decisions/%: $(DECISION_SRC) $(wildcard include/slicegate/*.h src/model/*.h src/packing/*.h)
	@mkdir -p $(@D)
	$(if $(V),,@echo "  CC   $@")
	$(Q)$(firstword $(subst -, ,$*)) $(STD) $(WARN) -$(lastword $(subst -, ,$*)) $(DECISION_SRC) -o $@

.PHONY: test-docs
test-docs: build ## the examples of README and docs, and make demo itself
	@sh tests/docs/run.sh build/slicegate

# What compiles for minutes does it before tests that wait for something, not beside them.
.PHONY: e2e-tools
e2e-tools:
	@[ "$(SKIP_E2E)" = 1 ] || for tool in control-plane kwok helm containerd device-plugin; do \
	  sh tests/e2e/tools/build.sh $$tool >/dev/null || exit 1; done

.PHONY: test-e2e
test-e2e: ## the real control plane and kubectl, with simulated nodes (Go 1.26 or newer)
	@$(MAKE) --no-print-directory FLAVOUR=asan $(JOBS) bin build/asan/tests/e2e/kube/kube_live
	@SKIP_E2E=$(SKIP_E2E) sh tests/e2e/run.sh build/asan/slicegate

# What moves most threads at once: a burst with the nominator, watches that are lost, cards that slicegate binds, preemption,
# and all kinds of faults meanwhile. A report ends slicegate (TSAN_OPTIONS), and the harness looks for one in each log.
TSAN_LIVE := TestOvertakenNominatorCatchesUp TestFeedIsLost/silent TestCardsAreChosen TestPreemptionDoesTheLeastHarm/plugin TestNothingIsGivenTwice
SPACE := $(subst ,, )
.PHONY: test-tsan-live
test-tsan-live: ## some of the end-to-end tests with slicegate under ThreadSanitizer
	@for t in $(TSAN_LIVE); do grep -q "^func $${t%/*}(" tests/e2e/*/*_test.go || { echo "there is no test $$t"; exit 1; }; done
	@$(MAKE) --no-print-directory FLAVOUR=tsan $(JOBS) bin
	@SKIP_E2E=$(SKIP_E2E) PACKAGES="./scheduling ./faults" sh tests/e2e/run.sh build/tsan/slicegate -run '$(subst $(SPACE),|,$(TSAN_LIVE:%=^%$$))'

.PHONY: test-node
test-node: image ## the image and the chart on a real node: kubelet, containerd, kube-proxy, helm (root, Go 1.26 or newer)
	@SKIP_E2E=$(SKIP_E2E) sh tests/e2e/run-node.sh build/slicegate $(IMAGE)

.PHONY: golden
golden: ## rewrite the expectations of golden cases; review the diff
	@$(MAKE) --no-print-directory FLAVOUR=asan $(JOBS) bin suites
	@UPDATE=1 $(MAKE) --no-print-directory FLAVOUR=asan run-suites
	@UPDATE=1 bash tests/integration/serve.sh build/asan/slicegate
	@UPDATE=1 $(MAKE) --no-print-directory $(JOBS) test-decisions

##@ Figures and fuzzing
# One after the other, whatever -j says: all cores are for what is measured.
.PHONY: bench
bench: build ## the figures of docs/figures.md and docs/packing.md, measured on this machine: all that follows, some 75 minutes
	@$(MAKE) --no-print-directory bench-review
	@$(MAKE) --no-print-directory bench-extender
	@$(MAKE) --no-print-directory bench-packing
	@$(MAKE) --no-print-directory bench-live
	@$(MAKE) --no-print-directory bench-scheduling

.PHONY: bench-review
bench-review: build ## reviews a second and for each CPU second, their p99, memory, slicegate check (knobs: RUNS, SECONDS_EACH)
	@$(MAKE) --no-print-directory $(JOBS) build/release/tests/bench/load
	@sh tests/bench/reviews.sh build/slicegate build/release/tests/bench/load

.PHONY: bench-packing
bench-packing: deps ## the figures of docs/packing.md, all suites of simulate (knobs: SEEDS=2, SIMULATED="inflate mig")
	@$(MAKE) --no-print-directory $(JOBS) build/slicegate
	@$(MAKE) --no-print-directory $(JOBS) build/release/tests/bench/online
	@SEEDS=$(SEEDS) THREADS=$(THREADS) sh tests/bench/packing.sh build/slicegate build/packing $(SIMULATED)

.PHONY: bench-extender
bench-extender: build ## calls of kube-scheduler on recorded clusters of 5,000 and 15,000 nodes (knobs: RUNS, SECONDS_EACH)
	@$(MAKE) --no-print-directory $(JOBS) build/release/tests/bench/extender
	@sh tests/bench/extender.sh build/slicegate build/release/tests/bench/extender

.PHONY: bench-scheduling
bench-scheduling: build ## pods a second through the real kube-scheduler, with and without slicegate (knobs: NODES, PODS, ROUNDS)
	@sh tests/bench/scheduling.sh build/slicegate

.PHONY: bench-live
LIVE_NODES ?= 5000
LIVE_PODS ?= 100000
LIVE_ROUNDS ?= 5
bench-live: build ## a live cluster that is full: to learn it, idle, while pods change, a deletion to the next binding (knobs: LIVE_NODES, LIVE_PODS, LIVE_ROUNDS)
	@sh tests/e2e/program.sh livebench build/slicegate -nodes $(LIVE_NODES) -pods $(LIVE_PODS) -rounds $(LIVE_ROUNDS)

.PHONY: soak
SOAK_SECONDS ?= 3600
soak: build ## memory after 10,000 and 1,000,000 reviews, of the extender over an hour, and on a real control plane over another (knob: SOAK_SECONDS)
	@$(MAKE) --no-print-directory $(JOBS) build/release/tests/bench/load
	@$(MAKE) --no-print-directory $(JOBS) build/release/tests/bench/extender
	@SOAK_SECONDS=$(SOAK_SECONDS) sh tests/bench/soak.sh build/slicegate build/release/tests/bench/load build/release/tests/bench/extender
	@$(MAKE) --no-print-directory soak-live

.PHONY: soak-live
soak-live: build ## the last part of it: extender, Bindings, nominator and Events, with watches lost now and then (knob: SOAK_SECONDS)
	@sh tests/e2e/program.sh livesoak build/slicegate -seconds $(SOAK_SECONDS)

.PHONY: fault
FAULT_PODS ?= 20000
FAULT_PODS_REPLICATED ?= 2000
FAULT_DECISIONS ?= 1000000
fault: deps ## nothing is allocated twice: in process, then through kube-scheduler while all fails (knobs: FAULT_DECISIONS, FAULT_PODS, FAULT_PODS_REPLICATED)
	@$(MAKE) --no-print-directory $(JOBS) build/slicegate build/release/tests/property/allocation/suite
	@echo "  RUN  tests/property/allocation, $(FAULT_DECISIONS) decisions"
	@DECISIONS=$(FAULT_DECISIONS) build/release/tests/property/allocation/suite
	@sh tests/e2e/program.sh faulttest build/slicegate -pods $(FAULT_PODS)
	@sh tests/e2e/program.sh faulttest build/slicegate -pods $(FAULT_PODS_REPLICATED) -replicas 2

.PHONY: fuzz
fuzz: deps ## libFuzzer on every target, FUZZ_SECONDS=60 each
	@$(MAKE) --no-print-directory CC=clang FLAVOUR=fuzz $(JOBS) fuzzers
	@for f in $(FUZZERS); do mkdir -p build/fuzz/found/$$f; \
	  echo "  FUZZ $$f"; \
	  build/fuzz/tests/fuzz/$$f -max_total_time=$${FUZZ_SECONDS:-60} -timeout=10 -rss_limit_mb=2048 \
	    build/fuzz/found/$$f tests/fuzz/corpus/$$f || exit 1; done

# ---- inside one flavour ---------------------------------------------------------

.PHONY: suites replays fuzzers run-suites run-replays
suites: $(SUITE_BINS)
replays: $(FUZZERS:%=$(OUT)/tests/fuzz/%-replay)
fuzzers: $(FUZZERS:%=$(OUT)/tests/fuzz/%)

# ThreadSanitizer and fork do not go together: tests share one process there.
RUN_ENV_tsan := CK_FORK=no
export TSAN_OPTIONS ?= halt_on_error=1
export UBSAN_OPTIONS ?= print_stacktrace=1

# With -j and --output-sync: several at a time, each one's output in one piece.
run-suites: $(SUITE_BINS:%=%.run)
.PHONY: $(SUITE_BINS:%=%.run)
$(SUITE_BINS:%=%.run): %.run: % $(BIN)
	@echo "  RUN  $<"; SLICEGATE=$(abspath $(BIN)) $(RUN_ENV_$(FLAVOUR)) $<

run-replays:
	@set -e; for f in $(FUZZERS); do echo "  RUN  $(OUT)/tests/fuzz/$$f-replay"; \
	  $(OUT)/tests/fuzz/$$f-replay tests/fuzz/corpus/$$f; done

.PHONY: test-suites
test-suites: $(if $(SUITE),$(SUITE:%=$(OUT)/tests/%/suite.run),run-suites) ## suites of one FLAVOUR (SUITE="unit/base unit/doc" for some)

TEST_LIBS := $(shell pkg-config --libs check 2>/dev/null) $(LIBS) -lssl

.SECONDEXPANSION:
$(SUITE_BINS): $(OUT)/tests/%/suite: $$(addprefix $(OUT)/,$$(addsuffix .o,$$(basename $$(wildcard tests/%/*.c)))) $(OUT)/tests/support/check_main.o $(SUPPORT_OBJ) $(LIB)
	$(if $(V),,@echo "  LINK $@")
	$(Q)$(CC) $(LINK_ALL) $^ $(TEST_LIBS) -o $@

$(OUT)/tests/fuzz/%-replay: $(OUT)/tests/fuzz/%.o $(OUT)/tests/support/fuzz_main.o $(LIB)
	$(if $(V),,@echo "  LINK $@")
	$(Q)$(CC) $(LINK_ALL) $^ $(LIBS) -o $@

$(FUZZERS:%=build/fuzz/tests/fuzz/%): build/fuzz/tests/fuzz/%: build/fuzz/tests/fuzz/%.o build/fuzz/libslicegate.a
	$(Q)$(CC) $(filter-out -pie,$(LINK_ALL)) -fsanitize=fuzzer $^ $(LIBS) -o $@

$(OUT)/tests/e2e/%: $(OUT)/tests/e2e/%.o $(LIB)
	$(if $(V),,@echo "  LINK $@")
	$(Q)$(CC) $(LINK_ALL) $(filter %.o,$^) $(LIB) $(LIBS) -o $@

$(OUT)/tests/e2e/kube/kube_live: $(OUT)/tests/e2e/kube/encodings.o $(OUT)/tests/e2e/kube/differences.o

$(OUT)/tests/bench/%: $(OUT)/tests/bench/%.o $(LIB)
	$(if $(V),,@echo "  LINK $@")
	$(Q)$(CC) $(LINK_ALL) $^ $(LIBS) -lssl -o $@

##@ Lint
.PHONY: lint
lint: lint-layers lint-banned lint-format lint-tidy lint-clang lint-shell ## all checks on the sources

.PHONY: lint-layers lint-banned lint-format lint-tidy lint-clang lint-shell
lint-layers: ## include edges against tests/lint/layers.txt
	@sh tests/lint/layers.sh
lint-banned: ## banned calls; effects in decision modules
	@sh tests/lint/banned.sh
lint-format:
	@clang-format --dry-run -Werror $$(git ls-files 'include/*.h' 'src/*.[ch]' 'tests/*.[ch]')
TIDY := $(patsubst src/%.c,build/tidy/%.ok,$(wildcard src/*/*.c))
lint-tidy:
	@$(MAKE) --no-print-directory $(JOBS) $(TIDY)
# How many states of a function the analyzer follows: its own default takes four times as long
# ("make lint TIDY_NODES=" now and then).
TIDY_NODES ?= 40000
# Its notes run over pages: only what is wrong is shown.
$(TIDY): build/tidy/%.ok: src/%.c $(wildcard include/slicegate/*.h src/*/*.h) .clang-tidy
	@mkdir -p $(@D)
	@clang-tidy --quiet $< -- $(STD) $(NAMED) $(TIDY_NODES:%=-Xclang -analyzer-config -Xclang max-nodes=%) >$@.log 2>/dev/null || \
	  { grep -E ': (error|warning): ' $@.log | sort -u; exit 1; }
	@touch $@
lint-clang: # the second compiler: its warnings are errors too
	@git ls-files 'src/*.c' 'tests/*.c' | xargs -P $$(nproc) -n 16 clang -fsyntax-only $(STD) $(NAMED) $(WARN)
lint-shell:
	@shellcheck -S warning $$(git ls-files '*.sh' .ci/run)
