import { Component } from "@odoo/owl";
import { registry } from "@web/core/registry";
import { standardFieldProps } from "@web/views/fields/standard_field_props";

/** Which side wins a conflict: what both had, what is here and what is there side by side; the latter two are pressed with one click. Below them
 *  what is then written where, and whether it is decided like this from now on. */
export class SidesField extends Component {
    static template = "account_online_sync.SidesField";
    static props = { ...standardFieldProps };

    get data() {
        return this.props.record.data;
    }

    get value() {
        return this.data[this.props.name];
    }

    choose(value) {
        return this.props.record.update({ [this.props.name]: value });
    }

    toggleAlways() {
        return this.props.record.update({ always: !this.data.always });
    }
}

registry.category("fields").add("online_sync_sides", {
    component: SidesField,
    supportedTypes: ["selection"],
    fieldDependencies: [
        { name: "here", type: "char" },
        { name: "there", type: "char" },
        { name: "base", type: "char" },
        { name: "if_here", type: "char" },
        { name: "if_there", type: "char" },
        { name: "always", type: "boolean" },
        { name: "can_be_always", type: "boolean" },
    ],
    extractProps: (_fieldInfo, dynamicInfo) => ({ readonly: dynamicInfo.readonly }),
});
