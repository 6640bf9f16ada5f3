import { Component, onMounted, xml } from "@odoo/owl";
import { registry } from "@web/core/registry";

/** Where the browser comes back to after the bank: the connections, with the connect wizard open where it stands. */
export class ResumeAction extends Component {
    static template = xml`<div class="o_online_sync_resume"/>`;
    static props = ["*"];

    setup() {
        // Not useService: its calls fail once this component is gone, and the first action replaces it.
        const { action, orm } = this.env.services;
        onMounted(async () => {
            const linkId = Number(this.props.action.context.active_id);
            await action.doAction("account_online_sync.action_online_sync_link", { clearBreadcrumbs: true });
            if (linkId) {
                await action.doAction(await orm.call("online.sync.link", "action_continue", [[linkId]]));
            }
        });
    }
}

registry.category("actions").add("account_online_sync.resume", ResumeAction);
