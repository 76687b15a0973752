# SPDX-License-Identifier: Apache-2.0
# How tests are built and run. Included by the Makefile.

.SECONDEXPANSION:
$(SUITE_BINS): $(OUT)/tests/%/suite: $$(patsubst %.c,$(OUT)/%.o,$$(wildcard tests/%/*.c)) $(OUT)/tests/support/check_main.o $(SUPPORT_OBJ) $(LIB)
	$(if $(V),,@echo "  LINK $@")
	$(Q)$(CC) $(CFLAGS_ALL) $(LINK) $^ $$(pkg-config --libs check) $(LIBS) -lssl -o $@

.PHONY: test-suites
test-suites: $(SUITE_BINS) ## run the Check suites of one FLAVOUR (SUITE=unit/base for one)
	@set -e; for s in $(if $(SUITE),$(SUITE:%=$(OUT)/tests/%/suite),$(SUITE_BINS)); do \
	  echo "  RUN  $$s"; $$s; done
