import { registry } from "@web/core/registry";
import { session } from "@web/session";

const openConnections = [
    { trigger: ".o_navbar_apps_menu button:enabled", run: "click" },
    { trigger: ".o_app[data-menu-xmlid='account.menu_finance']", run: "click" },
    { trigger: ".o_menu_sections [data-menu-xmlid='account.menu_finance_configuration']", run: "click" },
    { trigger: ".dropdown-item[data-menu-xmlid='account_online_sync.menu_online_sync']", run: "click" },
];

registry.category("web_tour.tours").add("online_sync_connect", {
    steps: () => [
        ...openConnections,
        { trigger: ".o_control_panel button:contains('Connect')", run: "click" },
        { trigger: ".o_online_sync_provider[data-provider='simplefin']", run: "click" },
        { trigger: ".o_online_sync_provider[data-provider='simplefin'][aria-pressed='true']" },
        { trigger: ".modal-footer button[name='action_chosen']", run: "click" },
        {
            trigger: "[data-credential='setup_token']",
            run: `edit ${new URLSearchParams(window.location.search).get("token") || ""}`,
        },
        { trigger: ".modal-footer button[name='action_sign_in']:visible", run: "click" },
        { trigger: ".o_field_widget[name='account_ids'] .o_data_row:contains('Current account')" },
        { trigger: ".modal-footer button[name='action_accounts']", run: "click" },
        { trigger: ".o_online_sync_outcome:contains('2 transactions')" },
        { trigger: ".modal-footer button[name='action_open_transactions']", run: "click" },
        { trigger: ".o_list_view .o_data_row:contains('COFFEE CORNER')" },
    ],
});

registry.category("web_tour.tours").add("online_sync_synchronize", {
    steps: () => [
        ...openConnections,
        { trigger: ".o_kanban_record:contains('nothing needs you') button[name='action_synchronize_now']", run: "click" },
        { trigger: ".o_notification:contains('1 new')" },
        { trigger: ".o_kanban_record:contains('proved to')", run: "click" },
        { trigger: ".o_field_widget[name='account_ids'] .o_data_row:contains('Current account') .o_data_cell[name='name']", run: "click" },
        { trigger: ".o_online_sync_strip .o_online_sync_day_proved" },
        { trigger: ".o_online_sync_inbox [data-filter='imported']", run: "click" },
        { trigger: ".o_online_sync_inbox .o_data_row:contains('LUNCH') .o_data_cell[name='text']", run: "click" },
        { trigger: ".o_form_view .o_field_widget[name='text']:contains('LUNCH')" },
    ],
});

registry.category("web_tour.tours").add("online_sync_duplicate", {
    steps: () => [
        ...openConnections,
        { trigger: ".o_kanban_record a[name='action_open_issues']", run: "click" },
        { trigger: ".o_data_row:contains('COFFEE SHOP') button[name='action_same']", run: "click" },
        { trigger: ".o_view_nocontent_smiling_face:contains('Nothing needs you')" },
    ],
});

registry.category("web_tour.tours").add("online_sync_reconnect", {
    steps: () => [
        ...openConnections,
        { trigger: ".o_kanban_record:contains('Expired') button[name='action_reconnect']", run: "click" },
        {
            trigger: ".modal [data-credential='setup_token']",
            run: `edit ${new URLSearchParams(window.location.search).get("token") || ""}`,
        },
        { trigger: ".modal-footer button[name='action_sign_in']:visible", run: "click" },
        { trigger: ".o_kanban_record:contains('Connected')" },
        { trigger: ".o_kanban_record button[name='action_synchronize_now']", run: "click" },
        { trigger: ".o_notification:contains('1 new')" },
    ],
});

const openMatching = [
    { trigger: ".o_navbar_apps_menu button:enabled", run: "click" },
    { trigger: ".o_app[data-menu-xmlid='account.menu_finance']", run: "click" },
    { trigger: ".o_menu_sections [data-menu-xmlid='account_online_sync.menu_bank']", run: "click" },
    { trigger: ".dropdown-item[data-menu-xmlid='account_online_sync.menu_online_sync_matching']", run: "click" },
];

const line = (text) => `.o_online_sync_line:contains('${text}')`;
const current = (text) => `.o_online_sync_line_current:contains('${text}')`;

registry.category("web_tour.tours").add("online_sync_matching_accept", {
    steps: () => [
        ...openMatching,
        { trigger: ".o_online_sync_open:contains('3 to match')" },
        { trigger: line("first payment"), run: "click" },
        { trigger: ".o_online_sync_proposal_certain:contains('number in the text')" },
        { trigger: ".o_online_sync_matching", run: "press Enter" },
        { trigger: ".o_notification:contains('Matched.')" },
        { trigger: ".o_online_sync_open:contains('2 to match')" },
        { trigger: line("second payment") + " input[type='checkbox']", run: "click" },
        { trigger: ".o_online_sync_matching_head button:contains('Validate 1')", run: "click" },
        { trigger: ".o_online_sync_open:contains('1 to match')" },
    ],
});

registry.category("web_tour.tours").add("online_sync_matching_choose_other", {
    steps: () => [
        ...openMatching,
        { trigger: line("thanks"), run: "click" },
        { trigger: ".o_online_sync_proposal:contains('another one fits as well')" },
        { trigger: ".o_online_sync_candidate:nth-child(2)" },
        { trigger: ".o_online_sync_matching", run: "press 2" },
        { trigger: ".o_online_sync_rest:contains('reached exactly')" },
        { trigger: ".o_online_sync_validate", run: "click" },
        { trigger: ".o_notification:contains('Matched.')" },
        { trigger: ".o_view_nocontent_smiling_face:contains('Nothing to match')" },
    ],
});

registry.category("web_tour.tours").add("online_sync_matching_write_off", {
    steps: () => [
        ...openMatching,
        { trigger: line("LUNCH ROOM 4712"), run: "click" },
        { trigger: current("LUNCH ROOM 4712") },
        { trigger: ".o_online_sync_writes_off", run: "click" },
        { trigger: ".o_online_sync_write_off .o_record_selector input", run: "edit Lunches" },
        { trigger: ".o-autocomplete--dropdown-item:contains('Lunches')", run: "click" },
        { trigger: ".o_online_sync_validate:enabled", run: "click" },
        { trigger: ".o_notification:contains('Matched.')" },
        { trigger: ".o_online_sync_offer:contains('LUNCH ROOM') button:contains('Make a rule')", run: "click" },
        { trigger: ".modal .o_field_widget[name='name'] input:value('LUNCH ROOM')" },
        { trigger: ".modal .o_form_button_save, .modal button:contains('Save')", run: "click" },
        { trigger: line("LUNCH ROOM 4713") + ":contains('rule LUNCH ROOM')" },
    ],
});

registry.category("web_tour.tours").add("online_sync_matching_undo", {
    steps: () => [
        ...openMatching,
        { trigger: line("first payment"), run: "click" },
        { trigger: ".o_online_sync_validate:enabled", run: "click" },
        { trigger: ".o_notification:contains('Matched.')" },
        { trigger: ".o_online_sync_matching", run: "press u" },
        { trigger: ".o_notification:contains('Undone')" },
        { trigger: line("first payment") },
    ],
});

const flow = (name, direction) => `.o_field_widget[name='flow_ids'] .o_data_row:contains('${name}') [data-direction='${direction}']`;

registry.category("web_tour.tours").add("online_sync_books", {
    steps: () => [
        ...openConnections,
        { trigger: ".o_kanban_record:contains('Peer Company'):contains('Pairs are to be confirmed')" },
        { trigger: ".o_kanban_record:contains('Peer Company') .fw-bold", run: "click" },
        { trigger: flow("Products", "both"), run: "click" },
        { trigger: flow("Products", "pull") },
        { trigger: ".o_data_row:contains('Contacts') button[name='action_open_fields']", run: "click" },
        { trigger: ".o_breadcrumb:contains('Fields of Contacts')" },
        { trigger: ".o_data_row:contains('Phone') [data-direction='both']", run: "click" },
        { trigger: ".o_data_row:contains('Phone') [data-direction='pull']" },
        { trigger: ".o_data_row:contains('Website') .o_list_record_selector input", run: "click" },
        { trigger: ".o_control_panel button[name='action_off']", run: "click" },
        { trigger: ".o_data_row:contains('Website') [data-direction='off']" },
        { trigger: ".o_back_button, .o_breadcrumb .breadcrumb-item:last a", run: "click" },
        { trigger: flow("Products", "pull") },
        { trigger: ".o_form_view button[name='action_pair']:visible", run: "click" },
        { trigger: ".o_online_sync_pairing .o_data_row:contains('Blue Labs') button[name='action_yes']", run: "click" },
        { trigger: ".o_online_sync_pairing .o_data_row:contains('Blue Labs'):contains('The same')" },
        { trigger: ".o_online_sync_pairing button[name='action_no_to_all']", run: "click" },
        { trigger: ".o_online_sync_pairing:contains('Nothing is left to be decided')" },
        { trigger: ".o_online_sync_confirm:contains('Confirm'):visible", run: "click" },
        { trigger: ".o_notification:contains('pairs confirmed')" },
        { trigger: flow("Contacts", "both") },
    ],
});

const openBooks = [
    ...openConnections,
    { trigger: ".o_kanban_record:contains('Peer Company') .fw-bold", run: "click" },
    { trigger: flow("Contacts", "both") },
];
const question = (text) => `.o_list_view .o_data_row:contains('${text}')`;
const ofChair = ".o_data_row:has(.o_data_cell[name='what']:contains('Chair'))";

registry.category("web_tour.tours").add("online_sync_books_dry_run", {
    steps: () => [
        ...openBooks,
        { trigger: ".o_form_view button[name='action_open_dry_run']:visible", run: "click" },
        { trigger: ".modal .o_data_row:contains('Cedar'):contains('Created there')" },
        { trigger: ".modal .o_data_row:contains('Old address'):contains('Archived or cancelled')" },
        { trigger: ".modal .modal-footer button[name='action_apply']", run: "click" },
        { trigger: ".o_notification" },
        { trigger: ".oe_stat_button[name='action_open_changes']", run: "click" },
        { trigger: ".o_searchview .o_facet_remove", run: "click" },
        { trigger: question("Cedar") + ":contains('Done')" },
    ],
});

/** Odoo 19.0 draws a list of choices of its own, 18.0 the browser's. */
const chooseModel = (name) => session.server_version_info[0] > 18
    ? [
        { trigger: ".modal .o_field_widget[name='model'] input", run: "click" },
        { trigger: `.o_select_menu_item:contains('${name}')`, run: "click" },
    ]
    : [{ trigger: ".modal .o_field_widget[name='model'] select", run: `selectByLabel ${name}` }];

registry.category("web_tour.tours").add("online_sync_books_add", {
    steps: () => [
        ...openBooks,
        { trigger: ".o_form_view button[name='action_add_records']", run: "click" },
        ...chooseModel("Partner Tags"),
        { trigger: ".modal .modal-footer button[name='action_read']", run: "click" },
        { trigger: ".modal .o_data_row:contains('Name') .o_data_cell[name='is_chosen'] input:checked" },
        { trigger: ".modal .o_data_row:contains('Color') .o_data_cell[name='is_chosen'] input", run: "click" },
        { trigger: ".modal .o_data_row:contains('Color') .o_data_cell[name='is_chosen'] input:checked" },
        { trigger: ".modal .modal-footer button[name='action_add']", run: "click" },
        { trigger: flow("Partner Tags", "both") },
        { trigger: ".o_form_view button[name='action_pair']:visible", run: "click" },
        { trigger: ".o_online_sync_pairing .o_data_row:contains('Partner Tags')" },
        { trigger: ".o_online_sync_confirm:contains('Confirm'):visible", run: "click" },
        { trigger: ".o_notification:contains('pairs confirmed')" },
        { trigger: ".o_data_row:contains('Partner Tags') button[name='action_open_fields']", run: "click" },
        { trigger: ".o_data_row:contains('Color') [data-direction='both']", run: "click" },
        { trigger: ".o_data_row:contains('Color') [data-direction='pull']" },
        { trigger: ".o_back_button, .o_breadcrumb .breadcrumb-item:last a", run: "click" },
        { trigger: ".o_data_row:contains('Partner Tags') button[name='action_remove']", run: "click" },
        { trigger: ".modal-footer .btn-primary", run: "click" },
        { trigger: ".o_field_widget[name='flow_ids']:not(:contains('Partner Tags'))" },
    ],
});

registry.category("web_tour.tours").add("online_sync_books_questions", {
    steps: () => [
        ...openBooks,
        { trigger: ".oe_stat_button[name='action_open_issues']", run: "click" },
        { trigger: question("Green") + " button[name='action_is_same']", run: "click" },
        { trigger: question("Acme") + " button[name='action_decide']", run: "click" },
        { trigger: ".modal .o_field_widget[name='changed_there']:contains('by')" },
        { trigger: ".modal .o_kanban_record:contains('Street'):contains('Main 2'):contains('Main 3') button[data-side='local']", run: "click" },
        { trigger: ".modal .o_kanban_record button.btn-primary[data-side='local']" },
        { trigger: ".modal .modal-footer button[name='action_confirm']", run: "click" },
        { trigger: ".o_list_view:not(:has(.o_data_row:contains('Acme')))" },
        { trigger: question("Consulting") + " button[name='action_pair']", run: "click" },
        { trigger: ".modal .o_field_widget[name='candidate_id'] input", run: "edit 499778" },
        { trigger: ".o-autocomplete--dropdown-item:contains('Advice')", run: "click" },
        { trigger: ".modal .modal-footer button[name='action_pair']", run: "click" },
        { trigger: ".o_list_view:not(:has(.o_data_row:contains('Consulting')))" },
        { trigger: question("Chair") + " button[name='action_skip_change']", run: "click" },
        { trigger: ".o_view_nocontent_smiling_face:contains('Nothing needs you')" },
        { trigger: ".o_back_button, .o_breadcrumb .breadcrumb-item:last a", run: "click" },
        { trigger: ".oe_stat_button[name='action_open_changes']", run: "click" },
        { trigger: ".o_searchview .o_facet_remove", run: "click" },
        { trigger: ofChair + ":contains('Skipped')" },
        { trigger: ofChair + " button[name='action_retry']", run: "click" },
        { trigger: ofChair + ":contains('To do')" },
    ],
});

const drift = ".o_form_view:has(button[name='action_compare_again'])";

registry.category("web_tour.tours").add("online_sync_books_drift", {
    steps: () => [
        ...openBooks,
        { trigger: ".oe_stat_button[name='action_open_drifts']:contains('Books agree')" },
        { trigger: ".o_form_view button[name='action_compare_books']:visible", run: "click" },
        { trigger: `${drift} h2:contains('differ')` },
        { trigger: `${drift} .o_field_widget[name='state']:contains('Differ')` },
        { trigger: ".o_field_widget[name='differing_ids'] .o_data_row:contains('Receivable'):contains('March 2026'):contains('50.00')" },
        { trigger: ".o_notebook_headers a:contains('Why')", run: "click" },
        { trigger: ".o_field_widget[name='cause_ids'] .o_data_row:contains('INV/2026/00001') button[name='action_open_here']", run: "click" },
        { trigger: ".o_form_view .o_field_widget[name='name']:contains('INV/2026/00001')" },
        { trigger: ".o_back_button, .o_breadcrumb .breadcrumb-item:last a", run: "click" },
        { trigger: `${drift} .oe_stat_button[name='action_open_lines']`, run: "click" },
        { trigger: ".o_list_view .o_data_row:contains('Receivable'):contains('50.00') .o_data_cell[name='name']", run: "click" },
        { trigger: ".o_form_view .o_field_widget[name='difference']:contains('50.00')" },
        { trigger: ".o_field_widget[name='cause_ids'] .o_data_row:contains('INV/2026/00001')" },
        { trigger: ".o_breadcrumb .breadcrumb-item:contains('Books on') a, .o_breadcrumb a:contains('Books on')", run: "click" },
        { trigger: `${drift} button[name='action_compare_again']`, run: "click" },
        { trigger: `${drift} .oe_stat_button[name='action_open_earlier']`, run: "click" },
        { trigger: ".o_list_view .o_data_row:contains('Differ'), .o_list_view .o_data_row:contains('Agree')" },
        ...openConnections,
        { trigger: ".o_kanban_record:contains('Books differ by') .fw-bold", run: "click" },
        { trigger: ".oe_stat_button[name='action_open_issues']", run: "click" },
        { trigger: question("The books differ") + " button[name='action_accept_drift']", run: "click" },
        { trigger: ".modal:contains('Leave the books as they are?') .modal-footer .btn-primary", run: "click" },
        { trigger: ".o_view_nocontent_smiling_face:contains('Nothing needs you')" },
        ...openConnections,
        { trigger: ".o_kanban_record:contains('Nothing to correct')" },
    ],
});

/** The dialog of a rule lies over that of the flow. */
const rule = ".modal:has(.o_domain_selector)";

registry.category("web_tour.tours").add("online_sync_books_filter", {
    steps: () => [
        ...openBooks,
        { trigger: ".o_data_row:contains('Contacts') button[name='action_open_settings'].fa-sliders, .o_data_row:contains('Contacts') button[name='action_open_settings']:has(.fa-sliders)", run: "click" },
        { trigger: ".modal .o_field_widget[name='policy']" },
        { trigger: ".modal .o_field_domain_dialog_button", run: "click" },
        { trigger: ".modal a:contains('New Rule'):visible", run: "click" },
        { trigger: ".modal .o_model_field_selector:visible", run: "click" },
        { trigger: ".o_model_field_selector_popover_search input", run: "edit City" },
        { trigger: ".o_model_field_selector_popover_item[data-name='city'] .o_model_field_selector_popover_item_name", run: "click" },
        { trigger: ".modal .o_tree_editor_condition:visible .o_tree_editor_editor:last input", run: "edit Boston" },
        { trigger: ".modal:last footer .btn-primary, .modal:last .modal-footer .btn-primary", run: "click" },
        { trigger: ".modal .o_field_widget[name='filter_domain']:contains('City'):contains('Boston')" },
        { trigger: ".modal .o_form_button_save", run: "click" },
        { trigger: ".o_data_row:contains('Contacts') button[name='action_open_settings'].fa-filter, .o_data_row:contains('Contacts') button[name='action_open_settings']:has(.fa-filter)", run: "click" },
        { trigger: ".modal .o_field_widget[name='filter_domain']:contains('City'):contains('Boston')" },
    ],
});
