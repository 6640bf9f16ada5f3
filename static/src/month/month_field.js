import { Component, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** A day that stands for its month ("March 2026"). */
export class MonthField extends Component {
    static template = xml`<span t-out="words"/>`;
    static props = { ...standardFieldProps };

    get words() {
        const day = this.props.record.data[this.props.name];
        return day ? day.toLocaleString({ month: "long", year: "numeric" }) : "";
    }
}

registry.category("fields").add("online_sync_month", { component: MonthField, supportedTypes: ["date"] });
