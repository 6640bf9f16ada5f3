import { Component, onWillStart, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** First step of the connect wizard: all providers as cards, with a search over names, countries and who they serve. */
export class ProvidersField extends Component {
    static template = "account_online_sync.ProvidersField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ search: "", providers: [] });
        onWillStart(async () => {
            this.state.providers = await this.orm.call("online.sync.connect", "get_providers", []);
        });
    }

    get value() {
        return this.props.record.data[this.props.name];
    }

    get found() {
        const words = this.state.search.toLowerCase().split(/\s+/).filter(Boolean);
        return this.state.providers.filter((provider) => {
            const names = new Intl.DisplayNames(["en", document.documentElement.lang || "en"], { type: "region" });
            const countries = provider.countries.map((code) => `${code} ${names.of(code)}`);
            const text = [provider.title, provider.summary, provider.serves, ...countries].join(" ").toLowerCase();
            return words.every((word) => text.includes(word));
        });
    }

    /** Banks and accounting systems are told apart. */
    get groups() {
        return [
            { kind: "bank", title: _t("Banks") },
            { kind: "books", title: _t("Accounting systems") },
        ].map((group) => ({ ...group, providers: this.found.filter((provider) => provider.kind === group.kind) }));
    }

    get nothingFound() {
        return _t("Nothing found. Try the name of your country.");
    }

    choose(provider) {
        return this.props.record.update({ [this.props.name]: provider.code });
    }
}

registry.category("fields").add("online_sync_providers", { component: ProvidersField, supportedTypes: ["char"] });
