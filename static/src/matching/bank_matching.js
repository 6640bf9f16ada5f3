import { Component, onWillStart, useExternalListener, useRef, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { Layout } from "@web/search/layout";
import { standardActionServiceProps } from "@web/webclient/actions/action_service";
import { LineDetail } from "./line_detail";

const LINE = "account.bank.statement.line";
const MATCH = "online.sync.match";

/** Bank Matching: "what is this money?". Left the open lines of a journal with their proposals, right the chosen line. */
export class BankMatching extends Component {
    static template = "account_online_sync.BankMatching";
    static components = { Layout, LineDetail };
    static props = { ...standardActionServiceProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.notification = useService("notification");
        this.ui = useService("ui");
        this.detail = useRef("detail");
        this.state = useState({ journals: [], journal: false, lines: [], open: 0, current: false, checked: {}, busy: false, offer: null });
        this.done = [];
        this.keys = {};
        useExternalListener(window, "keydown", this.onKeydown.bind(this));
        onWillStart(() => this.load(this.props.action.context.active_id || false));
    }

    // -- data ---------------------------------------------------------------------------------------------------------------

    async load(journalId) {
        const data = await this.orm.call(LINE, "online_sync_screen", [journalId]);
        Object.assign(this.state, data, { checked: {}, current: data.lines.length ? data.lines[0].id : false });
    }

    async openJournal(ev) {
        const journal = Number(ev.target.value);
        await this.load(journal);
        this.props.updateActionState?.({ active_id: journal });
    }

    get line() {
        return this.state.lines.find((line) => line.id === this.state.current);
    }

    get checkedLines() {
        return this.state.lines.filter((line) => this.state.checked[line.id] && line.match);
    }

    get certainLines() {
        return this.state.lines.filter((line) => line.match && line.match.is_certain);
    }

    /** Run something that changes the books once at a time. */
    async once(work) {
        if (this.state.busy) {
            return;
        }
        this.state.busy = true;
        try {
            await work();
        } finally {
            this.state.busy = false;
        }
    }

    // -- what the person does -------------------------------------------------------------------------------------------------

    select(lineId) {
        this.state.current = lineId;
        if (this.ui.isSmall && this.detail.el) {
            this.detail.el.scrollIntoView({ behavior: "smooth" });
        }
    }

    toggle(line) {
        this.state.checked[line.id] = !this.state.checked[line.id];
    }

    move(step) {
        const index = this.state.lines.findIndex((line) => line.id === this.state.current);
        const line = this.state.lines[Math.min(Math.max(index + step, 0), this.state.lines.length - 1)];
        if (line) {
            this.state.current = line.id;
            document.querySelector(`.o_online_sync_line[data-line='${line.id}']`)?.scrollIntoView({ block: "nearest" });
        }
    }

    accept(lines) {
        return this.once(async () => {
            const matches = lines.map((line) => line.match.id);
            await this.orm.call(MATCH, "action_accept", [matches]);
            this.leave(lines, matches);
        });
    }

    reject(line) {
        return this.once(async () => {
            await this.orm.call(MATCH, "action_reject", [[line.match.id]]);
            line.match = null;
        });
    }

    settle(line, itemIds, writeOff) {
        return this.once(async () => {
            const { match, line: rest, offer } = await this.orm.call(LINE, "online_sync_settle_by_hand", [[line.id], itemIds, writeOff]);
            if (rest) {
                this.state.lines = this.state.lines.map((one) => (one.id === rest.id ? rest : one));
                this.done.push([match]);
            } else {
                this.leave([line], [match]);
            }
            this.state.offer = offer;
        });
    }

    /** Lines that found what they pay leave the list; the next one is current. */
    leave(lines, matches) {
        const gone = new Set(lines.map((line) => line.id));
        const index = this.state.lines.findIndex((line) => gone.has(line.id));
        this.state.lines = this.state.lines.filter((line) => !gone.has(line.id));
        this.state.open -= gone.size;
        this.state.checked = {};
        const next = this.state.lines[Math.min(index, this.state.lines.length - 1)];
        this.state.current = next ? next.id : false;
        this.done.push(matches);
        this.notification.add(gone.size === 1 ? _t("Matched.") : _t("%s matched.", gone.size), {
            type: "success",
            buttons: [{ name: _t("Undo"), onClick: () => this.undo(matches), primary: false }],
        });
    }

    /** Take a decision back, by default the last one. */
    undo(matches = this.done.at(-1)) {
        if (!this.done.includes(matches)) {
            return;
        }
        this.done.splice(this.done.indexOf(matches), 1);
        return this.once(async () => {
            await this.orm.call(MATCH, "action_undo", [matches]);
            await this.load(this.state.journal);
            this.notification.add(_t("Undone: the line is open again."), { type: "info" });
        });
    }

    later(line) {
        const rest = this.state.lines.filter((one) => one.id !== line.id);
        const index = this.state.lines.findIndex((one) => one.id === line.id);
        this.state.lines = [...rest, line];
        this.state.current = (rest[index] || rest[0] || line).id;
    }

    lookAgain() {
        return this.once(async () => {
            const { matched } = await this.orm.call(LINE, "online_sync_look_again", [this.state.journal]);
            await this.load(this.state.journal);
            this.notification.add(_t("%(matched)s matched, %(open)s open.", { matched, open: this.state.open }), { type: "info" });
        });
    }

    async makeRule() {
        const { action } = this.state.offer;
        this.state.offer = null;
        await this.action.doAction(action, { onClose: () => this.lookAgain() });
    }

    async openLine(line) {
        const action = await this.orm.call(LINE, "action_open_online_sync_form", [[line.id]]);
        await this.action.doAction(action);
    }

    // -- keys -------------------------------------------------------------------------------------------------------------------

    onKeydown(ev) {
        const typing = ev.target.closest?.("input, textarea, select, [contenteditable]");
        const pressing = ev.key === "Enter" && ev.target.closest?.("button, a, input");
        const elsewhere = document.querySelector(".modal, .o_popover .o-dropdown--menu");
        if (elsewhere || pressing || ev.ctrlKey || ev.altKey || ev.metaKey || (typing && ev.target.type !== "checkbox")) {
            return;
        }
        const act = this.keyAction(ev.key);
        if (act) {
            ev.preventDefault();
            act();
        }
    }

    keyAction(key) {
        if (key === "ArrowDown" || key === "ArrowUp") {
            return () => this.move(key === "ArrowDown" ? 1 : -1);
        }
        if (key === "u") {
            return () => this.undo();
        }
        if (key === "Enter" && this.checkedLines.length) {
            return () => this.accept(this.checkedLines);
        }
        return this.keys[key] || (/^[1-9]$/.test(key) && this.keys.digit && (() => this.keys.digit(Number(key))));
    }
}

registry.category("actions").add("account_online_sync.bank_matching", BankMatching);
