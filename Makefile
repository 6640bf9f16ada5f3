# Everything a developer needs; `make help` lists it. The work is done in dev/.
PYTHON ?= python3
export ODOO ODOO_SRC DB TAGS ONLY DETACH FRESH PORT PEER

.PHONY: help run stop test lint shell db bench clean

help:            ## this list
	@sed -n 's/^\([a-z]*\):.*##\(.*\)/make \1\t\2/p' Makefile | expand -t 14

run:             ## Odoo at http://localhost:8069 with a sandbox bank (PEER=odoo: and a second Odoo; DETACH=1: in the background; FRESH=1: from scratch)
	@$(PYTHON) dev/run.py

stop:            ## end what `make run` started
	@$(PYTHON) dev/run.py stop

test:            ## every test on every Odoo found (ODOO=19.0, ODOO_SRC=/path, TAGS=/account_online_sync:TestX)
	@$(PYTHON) dev/test.py

lint:            ## ruff and pylint-odoo
	@$(PYTHON) dev/lint.py

shell:           ## Odoo shell on DB=name; reads a script on stdin
	@$(PYTHON) dev/shell.py

db:              ## a fresh database DB=name with the addon
	@$(PYTHON) dev/shell.py db

bench:           ## measure; one JSON object a line on stdout (ONLY=import)
	@$(PYTHON) dev/bench.py

clean:           ## remove this checkout's databases, logs and settings from the cache
	@$(PYTHON) dev/clean.py
