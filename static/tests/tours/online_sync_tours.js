import { registry } from "@web/core/registry";

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
