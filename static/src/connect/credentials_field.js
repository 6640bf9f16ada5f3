import { Component, useState } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** The fields that one provider needs. Write-only: what was given before is never shown again. */
export class CredentialsField extends Component {
    static template = "account_online_sync.CredentialsField";
    static props = { ...standardFieldProps };

    setup() {
        this.state = useState({ files: {}, more: false });
    }

    get credentials() {
        return this.props.record.data.provider_facts?.credentials || [];
    }

    get isBooks() {
        return this.props.record.data.provider_facts?.kind === "books";
    }

    /** What is needed only sometimes waits until it is asked for, or until the user looks for it. */
    get hidden() {
        if (this.state.more || !this.isBooks) {
            return [];
        }
        const { asked } = this.props.record.data.provider_facts;
        return this.credentials.filter(
            (credential) => !credential.required && !asked.includes(credential.name) && !this.typed(credential.name)
        );
    }

    get shown() {
        return this.credentials.filter((credential) => !this.hidden.includes(credential));
    }

    get more() {
        return this.hidden.map((credential) => credential.label).join(", ");
    }

    get given() {
        return this.props.record.data.credentials_given && !this.props.record.data.problem; // refused: not worth keeping
    }

    typed(name) {
        return this.props.record.data[this.props.name]?.[name] || "";
    }

    update(name, value) {
        const values = { ...(this.props.record.data[this.props.name] || {}), [name]: value };
        return this.props.record.update({ [this.props.name]: values });
    }

    async onFile(name, ev) {
        const file = ev.target.files[0];
        if (file) {
            this.state.files[name] = file.name;
            await this.update(name, await file.text());
        }
    }
}

registry.category("fields").add("online_sync_credentials", { component: CredentialsField, supportedTypes: ["jsonb", "json"] });
