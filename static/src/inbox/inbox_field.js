import { Component, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";
import { View } from "@web/views/view";

const MODEL = "online.sync.transaction";
const SHOWN = 20;

/** Inbox of an account below its strip: one button a filter with its count, the rows in the standard list (cards on a phone). */
export class InboxField extends Component {
    static template = "account_online_sync.InboxField";
    static components = { View };
    static props = { ...standardFieldProps };

    setup() {
        this.action = useService("action");
        this.orm = useService("orm");
        this.ui = useService("ui");
        this.state = useState({ filter: "all" });
    }

    get filters() {
        return this.props.record.data[this.props.name] || [];
    }

    get filter() {
        return this.filters.find((filter) => filter.key === this.state.filter) || this.filters[0];
    }

    get isCut() {
        return this.filter.count > SHOWN;
    }

    get viewProps() {
        return {
            resModel: MODEL,
            type: this.ui.isSmall ? "kanban" : "list",
            domain: this.filter.domain,
            context: { of_one_account: true },
            display: { controlPanel: false },
            limit: SHOWN,
            allowSelectors: false,
            selectRecord: (resId) => this.open(resId),
            searchViewId: false,
            loadIrFilters: false,
        };
    }

    select(key) {
        this.state.filter = key;
    }

    open(resId) {
        this.action.doAction({ type: "ir.actions.act_window", res_model: MODEL, res_id: resId, views: [[false, "form"]] });
    }

    async openAll() {
        const action = await this.orm.call("online.sync.account", "action_open_inbox", [[this.props.record.resId]]);
        const context = { ...action.context, [`search_default_${this.filter.key}`]: 1 };
        await this.action.doAction({ ...action, context });
    }
}

registry.category("fields").add("online_sync_inbox", { component: InboxField, supportedTypes: ["jsonb", "json"] });
