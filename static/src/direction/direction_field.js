import { Component } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const TURNS = ["both", "pull", "push", "off"];

/** Which way records or fields flow, as an arrow between here and there that a click turns. Backwards with shift; arrow keys choose. */
export class DirectionField extends Component {
    static template = "account_online_sync.DirectionField";
    static props = { ...standardFieldProps };

    get value() {
        return this.props.record.data[this.props.name] || "off";
    }

    get isFixed() {
        return Boolean(this.props.readonly);
    }

    get words() {
        return {
            both: _t("Both ways"),
            pull: _t("From there to here"),
            push: _t("From here to there"),
            off: _t("Not synchronized"),
        }[this.value];
    }

    get title() {
        return this.isFixed ? this.words : _t("%s. Click to turn.", this.words);
    }

    turn(step) {
        const place = TURNS.indexOf(this.value) + step;
        return this.set(TURNS[(place + TURNS.length) % TURNS.length]);
    }

    async set(value) {
        if (this.isFixed || value === this.value) {
            return;
        }
        const { record } = this.props;
        try {
            await record.update({ [this.props.name]: value }, { save: true });
        } catch (error) {
            await record.discard(); // others need these records: it stays as it was
            throw error;
        }
        const { root } = record.model;
        if (record.resModel === "online.sync.flow" && root !== record && !(await root.isDirty?.())) {
            await root.load(); // what these records need was switched on with them
        }
    }

    onClick(ev) {
        return this.turn(ev.shiftKey ? -1 : 1);
    }

    onKeydown(ev) {
        const chosen = { ArrowLeft: "pull", ArrowRight: "push", ArrowUp: "both", ArrowDown: "off", Delete: "off" }[ev.key];
        if (chosen) {
            ev.preventDefault();
            ev.stopPropagation();
            return this.set(chosen);
        }
        if (ev.key === " " || ev.key === "Enter") {
            ev.stopPropagation(); // the list would open or leave the row; the click follows by itself
        }
    }
}

registry.category("fields").add("online_sync_direction", {
    component: DirectionField,
    supportedTypes: ["selection"],
    // A list that is not being edited shows its fields as read only; this one is turned without editing the row first.
    extractProps: (_fieldInfo, dynamicInfo) => ({ readonly: dynamicInfo.readonly }),
});
