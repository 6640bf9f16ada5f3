import { Component, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** Calendar strip of an account: a column a week, a square a day; click shows the day and what can be done. */
export class StripField extends Component {
    static template = "account_online_sync.StripField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.action = useService("action");
        this.state = useState({ day: null });
    }

    get weeks() {
        const days = this.props.record.data[this.props.name] || [];
        const weeks = [];
        for (let start = 0; start < days.length; start += 7) {
            weeks.push(days.slice(start, start + 7));
        }
        return weeks;
    }

    get states() {
        return ["proved", "quiet", "owed", "failed", "differs"];
    }

    select(day) {
        this.state.day = day;
    }

    async call(method) {
        const action = await this.orm.call("online.sync.account", method, [[this.props.record.resId], this.state.day.date]);
        if (action) {
            await this.action.doAction(action);
        }
    }
}

registry.category("fields").add("online_sync_strip", { component: StripField, supportedTypes: ["jsonb", "json"] });
