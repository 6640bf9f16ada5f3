import { Component, onWillStart, onWillUpdateProps, useRef, useState } from "@odoo/owl";
import { MultiRecordSelector } from "@web/core/record_selectors/multi_record_selector";
import { RecordSelector } from "@web/core/record_selectors/record_selector";
import { formatFloat } from "@web/core/utils/numbers";
import { useService } from "@web/core/utils/hooks";
import { useDebounced } from "@web/core/utils/timing";

/** The chosen line of Bank Matching: its proposal, what else it may pay, and a write-off of what is left. */
export class LineDetail extends Component {
    static template = "account_online_sync.LineDetail";
    static components = { MultiRecordSelector, RecordSelector };
    static props = {
        line: Object,
        keys: Object,
        busy: Boolean,
        mayDecide: Boolean,
        accept: Function,
        reject: Function,
        settle: Function,
        later: Function,
        open: Function,
    };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.search = useRef("search");
        this.state = useState(this.blank());
        this.lookUp = useDebounced((text) => this.load(this.props.line, text), 250);
        onWillStart(() => this.load(this.props.line));
        onWillUpdateProps(async (next) => {
            if (next.line !== this.props.line) {
                Object.assign(this.state, this.blank());
                await this.load(next.line);
            }
        });
        Object.assign(this.props.keys, {
            Enter: () => this.validate(),
            "/": () => this.search.el?.focus(),
            w: () => this.toggleWriteOff(),
            l: () => this.props.later(this.props.line),
            digit: (number) => this.pickNumber(number),
        });
    }

    blank() {
        return { candidates: [], picked: {}, text: "", writesOff: false, account: false, taxes: [], label: "" };
    }

    /** An answer that comes after another line was chosen, or after another search, is dropped. */
    async load(line, text = "") {
        const asked = (this.asked = {});
        const found = await this.orm.call("account.bank.statement.line", "online_sync_candidates", [[line.id], text]);
        if (asked !== this.asked) {
            return;
        }
        const picked = this.picked.filter((item) => !found.some((one) => one.id === item.id));
        this.state.candidates = [...picked, ...found];
    }

    // -- what is picked -------------------------------------------------------------------------------------------------------

    get picked() {
        return this.state.candidates.filter((item) => this.state.picked[item.id]);
    }

    /** What the line leaves over (positive), or the picked items (negative); in the direction of the line. */
    get rest() {
        const { amount } = this.props.line;
        const sum = this.picked.reduce((total, item) => total + item.amount, 0);
        return this.round((amount - sum) * Math.sign(amount || 1));
    }

    round(number) {
        const factor = 10 ** this.props.line.digits;
        return Math.round(number * factor) / factor;
    }

    get restWords() {
        return formatFloat(Math.abs(this.rest), { digits: [16, this.props.line.digits] });
    }

    get canSettle() {
        return this.picked.length > 0 || (this.state.writesOff && this.state.account);
    }

    pick(item) {
        this.state.picked[item.id] = !this.state.picked[item.id];
    }

    pickNumber(number) {
        const item = this.state.candidates[number - 1];
        if (item) {
            this.pick(item);
        }
    }

    toggleWriteOff() {
        this.state.writesOff = !this.state.writesOff;
        this.state.label = this.state.label || this.props.line.text;
    }

    onSearch(ev) {
        this.state.text = ev.target.value;
        this.lookUp(this.state.text);
    }

    onSearchKeydown(ev) {
        if (ev.key === "Escape") {
            ev.target.blur();
        } else if (ev.key === "Enter" && this.state.candidates.length) {
            ev.preventDefault();
            this.pick(this.state.candidates.find((item) => !this.state.picked[item.id]) || this.state.candidates[0]);
            ev.target.blur();
        }
        ev.stopPropagation();
    }

    // -- deciding -------------------------------------------------------------------------------------------------------------

    validate() {
        if (!this.props.mayDecide) {
            return;
        }
        if (this.canSettle) {
            const writeOff =
                this.state.writesOff && this.state.account
                    ? { account_id: this.state.account, tax_ids: this.state.taxes, label: this.state.label }
                    : null;
            return this.props.settle(this.props.line, this.picked.map((item) => item.id), writeOff);
        }
        if (this.props.line.match && !this.state.writesOff) {
            return this.props.accept([this.props.line]);
        }
    }

    openMove(item) {
        this.action.doAction({ type: "ir.actions.act_window", res_model: "account.move", res_id: item.move, views: [[false, "form"]] });
    }
}
