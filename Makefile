# The front door. Each target calls a script of tools/, which works without make as well.
# Build trees are build/PRESET (CMakePresets.json); what `make` builds is what ships: release.
PREFIX ?= /usr/local
DESTDIR ?=
T ?=

.DEFAULT_GOAL := release
.PHONY: release dev asan tsan debugstl all run test test-asan test-tsan test-debugstl bench compare deb test-deb fmt lint cover fuzz \
	install deps clean help

release:            ## build sup as it ships, in build/release (the default)
	@tools/build release

dev:                ## build for working on sup: warnings are errors, debug information, all tests
	@SUP_WITH_TESTS=1 tools/build dev

asan tsan debugstl: ## build with sanitizers, or with the checking containers
	@SUP_WITH_TESTS=1 tools/build $@

run:                ## install what is missing, build, and sit in an isolated shell
	@tools/try

test:               ## install what is missing, build, and run all tests; T='-L unit' for a part
	@tools/test release $(T)

test-asan test-tsan test-debugstl: ## the tests under the sanitizers; T= as above
	@tools/test $(@:test-%=%) $(T)

bench:              ## measure, against the floor programs in tools/bench
	@tools/bench/run

compare:            ## docker's command lines through docker and through sup, side by side; as root, needs docker.io
	@tools/build release
	@tests/docker/compare build/release/supervisor/sup

deb:                ## build the Debian package, in build/deb; ARCH=arm64: for another machine, in a fresh root, as root
	@tools/deb $(ARCH)

test-deb:           ## build it and try it: lintian, a fresh Debian 12 and 13, autopkgtest, a second build; ARCH= as above; as root
	@tools/test-deb $(ARCH)

fmt:                ## format all C++ by .clang-format
	@tools/install-deps lint
	@find init supervisor tests tools -name '*.cc' -o -name '*.h' | xargs clang-format-19 -i

lint:               ## floors, format, clang-tidy, shellcheck, man pages
	@tools/install-deps build test lint
	@tools/lint

cover:              ## run the tests and print the line coverage
	@tools/cover

fuzz:               ## each fuzz target for 60 s; SECONDS=N for another time
	@tools/fuzz $(if $(filter environment%,$(origin SECONDS)),60,$(or $(SECONDS),60))

install:            ## install below DESTDIR/PREFIX (/usr/local)
	@tools/build release
	@DESTDIR='$(DESTDIR)' cmake --install build/release --prefix '$(PREFIX)' --strip >build/release/install.log
	@echo "installed below $(DESTDIR)$(PREFIX); what exactly is in build/release/install_manifest.txt"

deps:               ## install by apt everything that any target here needs
	@tools/install-deps all

clean:              ## remove all build trees
	rm -rf build compile_commands.json

help:               ## say what there is
	@awk -F'[ \t]*## ' '/^[a-z][a-z -]*:.*## / {sub(/:.*/, "", $$1); printf "  make %-30s %s\n", $$1, $$2}' Makefile
