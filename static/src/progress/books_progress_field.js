import { Component, onMounted, onWillUnmount, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

const RUNNING_MILLISECONDS = 2000;
const QUIET_MILLISECONDS = 10000;

/** On the page of a connection to other books: how far a run is, while one is on. The page is read again when it is over. */
export class BooksProgressField extends Component {
    static template = "account_online_sync.BooksProgressField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ running: false, percent: null, words: "", left: "" });
        onMounted(() => this.look());
        onWillUnmount(() => {
            this.isGone = true;
            clearTimeout(this.timer);
        });
    }

    async look() {
        const id = this.props.record.resId;
        const found = id ? await this.orm.silent.call("online.sync.link", "get_progress", [[id]]) : { running: false };
        if (this.isGone) {
            return;
        }
        const ended = this.state.running && !found.running;
        Object.assign(this.state, { percent: null, words: "", left: "", ...found });
        if (ended && !(await this.props.record.isDirty())) {
            await this.props.record.load();
        }
        this.timer = setTimeout(() => this.look(), found.running ? RUNNING_MILLISECONDS : QUIET_MILLISECONDS);
    }
}

registry.category("fields").add("online_sync_books_progress", { component: BooksProgressField, supportedTypes: ["integer"] });
