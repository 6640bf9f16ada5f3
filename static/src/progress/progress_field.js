import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const PROGRESS = "account_online_sync/progress";
const POLL_MILLISECONDS = 3000;

/** Last step of the connect wizard: starts the first run and shows how far it is. May be closed; the run goes on. */
export class FirstRunField extends Component {
    static template = "account_online_sync.FirstRunField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.bus = useService("bus_service");
        this.state = useState({ started: false, ended: false, fetched: 0, created: 0, accounts: 1, done: 0, account: "", outcome: null });
        this.onProgress = this.onProgress.bind(this);
        this.bus.start();
        this.bus.subscribe(PROGRESS, this.onProgress);
        onMounted(() => this.start());
        onWillUnmount(() => {
            this.bus.unsubscribe(PROGRESS, this.onProgress);
            clearTimeout(this.timer);
        });
    }

    get linkId() {
        const link = this.props.record.data.link_id;
        return link && (link.id || link[0]);
    }

    get percent() {
        if (this.state.ended) {
            return 100;
        }
        return Math.max(8, Math.round((100 * this.state.done) / Math.max(this.state.accounts, 1)));
    }

    onProgress(payload) {
        if (payload.link_id !== this.linkId) {
            return;
        }
        Object.assign(this.state, {
            fetched: payload.fetched,
            created: payload.created,
            accounts: payload.accounts,
            done: payload.accounts_done,
            account: payload.account,
        });
    }

    async start() {
        this.state.started = true;
        const outcome = await this.orm.silent.call("online.sync.connect", "run_first", [[this.props.record.resId]]);
        this.show(outcome);
    }

    /** A run that did not fit into its time goes on in the background: ask how it stands until it is over. */
    show(outcome) {
        this.state.outcome = outcome;
        this.state.created = Math.max(this.state.created, outcome.created || 0);
        this.state.ended = !outcome.more;
        if (outcome.more) {
            this.timer = setTimeout(async () => {
                this.show(await this.orm.silent.call("online.sync.connect", "get_outcome", [[this.props.record.resId]]));
            }, POLL_MILLISECONDS);
        }
    }

    get sentence() {
        const outcome = this.state.outcome;
        if (outcome.error) {
            return outcome.error;
        }
        const since = outcome.since ? new Date(`${outcome.since}T12:00:00`).toLocaleDateString() : "";
        return since
            ? _t("%(count)s transactions since %(since)s are in your books.", { count: this.state.created, since })
            : _t("%(count)s transactions are in your books.", { count: this.state.created });
    }

    /** How much of it found what it pays, and how much is left. */
    get matching() {
        const { matched, open } = this.state.outcome;
        return matched ? _t("%(matched)s matched, %(open)s for you to match.", { matched, open }) : "";
    }

    get waiting() {
        return _t("%s questions wait for you.", this.state.outcome.waiting);
    }
}

registry.category("fields").add("online_sync_first_run", { component: FirstRunField, supportedTypes: ["selection", "many2one"] });
