import { Component, useState } from "@odoo/owl";
import { _t } from "@web/core/l10n/translation";
import { registry } from "@web/core/registry";
import { useService } from "@web/core/utils/hooks";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** Search for an institution: the banks that a provider reaches in the chosen country. */
export class InstitutionsField extends Component {
    static template = "account_online_sync.InstitutionsField";
    static props = { ...standardFieldProps };

    setup() {
        this.orm = useService("orm");
        this.state = useState({ search: "", banks: null, loading: false, country: null });
    }

    get value() {
        return this.props.record.data[this.props.name];
    }

    get countryId() {
        const country = this.props.record.data.country_id;
        return country && (country.id || country[0]);
    }

    get isStale() {
        return this.state.country !== this.countryId;
    }

    get found() {
        const words = this.state.search.toLowerCase().split(/\s+/).filter(Boolean);
        const banks = (this.state.banks || []).filter((bank) => {
            const text = `${bank.name} ${bank.bic}`.toLowerCase();
            return words.every((word) => text.includes(word));
        });
        return banks.slice(0, 60);
    }

    get nothingFound() {
        return _t("No bank of that name in this country.");
    }

    /** Saves first: the list is asked with the credentials just typed, which go to the server encrypted and do not come back. */
    async load() {
        if (!(await this.props.record.save())) {
            return;
        }
        this.state.loading = true;
        try {
            this.state.banks = await this.orm.call("online.sync.connect", "get_institutions", [
                [this.props.record.resId],
                this.countryId,
            ]);
            this.state.country = this.countryId;
        } finally {
            this.state.loading = false;
        }
    }

    choose(bank) {
        return this.props.record.update({ [this.props.name]: { code: bank.code, name: bank.name, logo: bank.logo } });
    }
}

registry.category("fields").add("online_sync_institutions", { component: InstitutionsField, supportedTypes: ["jsonb", "json"] });
