import { Component, xml } from "@odoo/owl";
import { formatDateTime } from "@web/core/l10n/dates";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const { DateTime } = luxon;

/** A moment as people say it ("2 hours ago"), the exact one on hover. Option `plan`: what was to happen by now happens now. */
export class RelativeTimeField extends Component {
    static template = xml`<span t-att-title="exact" t-out="words"/>`;
    static props = { ...standardFieldProps, isPlan: { type: Boolean, optional: true } };

    get moment() {
        return this.props.record.data[this.props.name];
    }

    get exact() {
        return this.moment ? formatDateTime(this.moment) : "";
    }

    get words() {
        if (this.moment && this.props.isPlan && this.moment <= DateTime.now()) {
            return _t("now");
        }
        return this.moment ? this.moment.toRelative() : "";
    }
}

registry.category("fields").add("online_sync_relative_time", {
    component: RelativeTimeField,
    supportedTypes: ["datetime"],
    extractProps: ({ options }) => ({ isPlan: Boolean(options.plan) }),
});
