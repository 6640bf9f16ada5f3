import { Component, xml } from "@odoo/owl";
import { formatDateTime } from "@web/core/l10n/dates";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A moment as people say it ("2 hours ago"), the exact one on hover. */
export class RelativeTimeField extends Component {
    static template = xml`<span t-att-title="exact" t-out="words"/>`;
    static props = { ...standardFieldProps };

    get moment() {
        return this.props.record.data[this.props.name];
    }

    get exact() {
        return this.moment ? formatDateTime(this.moment) : "";
    }

    get words() {
        return this.moment ? this.moment.toRelative() : "";
    }
}

registry.category("fields").add("online_sync_relative_time", { component: RelativeTimeField, supportedTypes: ["datetime"] });
