# Martlet: what can be done here. `make` alone prints the list.
.DEFAULT_GOAL := help
.PHONY: help run start stop status logs reset build test sanitize sabotage bench fuzz chaos lint format docs clean
LOCAL := deploy/local/martlet.sh

help: ## print this list
	@grep -hE '^[a-z]+:.*##' $(MAKEFILE_LIST) | sed -E 's/^([a-z]+):[^#]*## (.*)/\1|\2/' | while IFS='|' read -r name text; do printf '  make %-8s %s\n' "$$name" "$$text"; done

run: ## install what is missing, build, start everything, show a job's way; Ctrl-C stops
	@$(LOCAL) run
start: ## the same in the background; returns when ready
	@$(LOCAL) start
stop: ## stop what start started
	@$(LOCAL) stop
status: ## what runs, and where
	@$(LOCAL) status
logs: ## follow the logs
	@$(LOCAL) logs
reset: ## stop, and remove all data below .martlet
	@$(LOCAL) reset

build: ## build a release
	@deploy/local/prerequisites.sh build
	@swift build -c release

test: ## install what is missing, build, run all tests on servers of their own
	@deploy/local/prerequisites.sh test
	@swift build --build-tests
	@Tests/run.sh

# Unit and integration tests under a sanitizer, each lane with a build of its own. The suppressions name foreign code only.
LANE ?= thread
SANITIZED = swift build --build-tests --sanitize $(LANE) --scratch-path .build-$(LANE)
sanitize: ## the same under a sanitizer but for the system tests, LANE=thread or LANE=address
	@deploy/local/prerequisites.sh test
	@case $(LANE) in thread | address) ;; *) echo "LANE must be thread or address"; exit 2 ;; esac
	@$(SANITIZER) $(SANITIZED)
	@$(SANITIZER) Tests/run.sh --except SystemTests --sanitize $(LANE) --scratch-path .build-$(LANE)
# The thread sanitizer does not see the standard library's Mutex: MARTLET_TSAN builds our Lock on pthread.
SANITIZER_thread = MARTLET_TSAN=1 TSAN_OPTIONS="suppressions=$(CURDIR)/Tests/Sanitizers/thread.txt"
SANITIZER_address = ASAN_OPTIONS="detect_leaks=1 suppressions=$(CURDIR)/Tests/Sanitizers/address.txt" LSAN_OPTIONS="suppressions=$(CURDIR)/Tests/Sanitizers/leak.txt"
SANITIZER = $(SANITIZER_$(LANE))

sabotage: ## break each promise in a copy, and see its test fail
	@Tests/sabotage.sh
bench: ## measure beside nginx and Postgres itself; CHECK=1 fails when a threshold is missed
	@Tests/Benchmarks/bench.sh
fuzz: ## mutated inputs for every parser, SECONDS_OF_FUZZING=60; SEED=… CASE=… repeats one
	@swift build -c release --product Fuzz 2>&1 | tail -n 1
	@$$(swift build -c release --show-bin-path)/Fuzz

lint: ## check the format of all sources
	@swift format lint --strict --recursive --parallel Package.swift Shared Services Tests clients
format: ## format all sources
	@swift format --in-place --recursive --parallel Package.swift Shared Services Tests clients

docs: ## write the parts of the documentation that are made from the code
	@swift build
	@deploy/local/docs.sh
KILLS ?= 20
SWARM_SECONDS ?= 300
chaos: ## kill everything while jobs are in flight, and check what was promised; KILLS=100 kills a hundred times in a row, SWARM_SECONDS=900 watches for so long
	@deploy/local/prerequisites.sh test
	@swift build --build-tests
	@KILLS=$(KILLS) SWARM_SECONDS=$(SWARM_SECONDS) swift test --skip-build --filter SystemTests

clean: ## remove what was built
	@rm -rf .build
