"""Each thing a faithful Acumatica, SYSPRO or Ramp refuses or does has a test that proves the stand-in does it too.

`ROWS` says which tests stand for which of them; only that the tests exist is checked here.
"""

from __future__ import annotations

from pathlib import Path

import pytest

ACUMATICA = {
    "no, expired or logged-out session": [
        "test_acumatica_login.py::test_nothing_goes_without_a_login",
        "test_acumatica_login.py::test_a_logout_gives_the_seat_back_and_ends_the_session",
        "test_acumatica_login.py::test_a_session_dies_after_twenty_idle_minutes",
    ],
    "expired token": ["test_acumatica_login.py::test_a_token_lives_an_hour"],
    "bad login": [
        "test_acumatica_login.py::test_a_bad_login_is_500",
        "test_acumatica_login.py::test_what_the_token_endpoint_refuses",
    ],
    "seats full": ["test_acumatica_login.py::test_full_seats_refuse_a_login_and_a_token_without_a_session"],
    "logout without a length": ["test_acumatica_login.py::test_a_logout_without_content_length_is_411"],
    "wrong version, endpoint or entity": ["test_acumatica_contract.py::test_a_wrong_endpoint_version_or_entity_is_404"],
    "unknown record by key": ["test_acumatica_contract.py::test_an_unknown_record_is_404_or_where_set_up_so_500"],
    "POST on an entity": ["test_acumatica_contract.py::test_a_post_on_an_entity_is_405_or_406"],
    "body that is no object": ["test_acumatica_contract.py::test_a_body_that_is_no_object_is_400"],
    "unwrapped value": ["test_acumatica_contract.py::test_a_value_of_the_wrong_shape_is_400_with_its_place"],
    "unknown field": ["test_acumatica_contract.py::test_an_unknown_field_is_ignored_or_where_set_up_so_refused"],
    "unknown vendor, project or terms, negative amount": [
        "test_acumatica_bills.py::test_a_header_that_cannot_be_is_422_beside_its_field"
    ],
    "unknown account or subaccount": ["test_acumatica_bills.py::test_a_line_that_cannot_be_is_422_in_its_place"],
    "bad or closed period": [
        "test_acumatica_bills.py::test_a_header_that_cannot_be_is_422_beside_its_field",
        "test_acumatica_bills.py::test_a_closed_period_is_refused_also_when_it_follows_from_the_date",
    ],
    "condition not met": [
        "test_acumatica_bills.py::test_conditions_guard_inserts_and_updates",
        "test_acumatica_bills.py::test_a_bill_whose_condition_does_not_hold_is_left_as_it_was",
    ],
    "details not expanded": [
        "test_acumatica_bills.py::test_lines_come_back_only_when_they_are_expanded",
        "test_acumatica_reading.py::test_lines_and_linked_entities_come_when_they_are_expanded",
    ],
    "bad filter or selection, bare plus": [
        "test_acumatica_reading.py::test_an_option_nobody_documents_is_an_exception_or_a_400",
        "test_acumatica_reading.py::test_an_encoded_plus_is_a_plus",
    ],
    "too many a minute": ["test_acumatica_login.py::test_more_than_so_many_a_minute_are_429_in_plain_text"],
    "too many at once": ["test_acumatica_login.py::test_requests_over_the_limit_wait_and_then_get_429"],
    "release in the background": ["test_acumatica_actions.py::test_a_release_is_202_until_it_is_204"],
    "release that fails": [
        "test_acumatica_actions.py::test_any_action_can_be_made_to_fail",
        "test_acumatica_actions.py::test_a_bill_out_of_balance_fails_in_its_status",
    ],
    "unknown release status": ["test_acumatica_actions.py::test_what_is_no_action_or_no_status_is_404"],
    "release of a held bill": ["test_acumatica_actions.py::test_a_held_bill_is_refused_at_once"],
    "vendor reference twice": [
        "test_acumatica_bills.py::test_a_vendor_reference_may_come_twice_unless_the_tenant_forbids_it"
    ],
    "refresh token used twice": ["test_acumatica_login.py::test_a_refresh_token_rotates_and_the_old_one_is_refused"],
}
SYSPRO = {
    "wrong operator, password or company": [
        "test_syspro_sessions.py::test_a_wrong_word_at_logon_is_an_error_at_200_and_opens_nothing"
    ],
    "unknown, logged-off or replaced session": [
        "test_syspro_sessions.py::test_every_call_refuses_an_unknown_a_logged_off_and_a_replaced_session"
    ],
    "second logon": ["test_syspro_sessions.py::test_a_second_logon_of_the_operator_kills_the_first"],
    "seats full": ["test_syspro_sessions.py::test_when_the_seats_are_taken_another_operator_must_wait"],
    "POST": ["test_syspro_sessions.py::test_everything_is_a_get"],
    "URL too long": ["test_syspro_sessions.py::test_a_request_line_with_headers_above_16_kib_never_arrives"],
    "unknown business object or other class": [
        "test_syspro_sessions.py::test_a_business_object_that_is_unknown_or_of_another_class_is_an_error"
    ],
    "XML not well-formed": [
        "test_syspro_sessions.py::test_xml_that_cant_be_read_is_an_error",
        "test_syspro_sessions.py::test_each_business_object_refuses_xml_that_is_not_well_formed",
    ],
    "element unknown or out of order": [
        "test_syspro_invoices.py::test_elements_keep_the_order_of_the_xsd",
        "test_syspro_setup_and_journals.py::test_a_journal_keeps_to_the_xsd",
        "test_syspro_setup_and_journals.py::test_a_supplier_keeps_to_the_xsd",
    ],
    "invoice with a wrong field or sum": [
        "test_syspro_invoices.py::test_a_wrong_field_is_named_with_value_and_number_and_nothing_is_posted"
    ],
    "supplier on hold": [
        "test_syspro_invoices.py::test_a_supplier_on_hold_is_a_warning_which_rejects_unless_told_otherwise"
    ],
    "invoice that is there": [
        "test_syspro_invoices.py::test_an_invoice_number_is_taken_once_for_each_supplier",
        "test_syspro_invoices.py::test_the_status_of_items_may_be_missing_on_success_never_on_failure",
    ],
    "entire document valid": [
        "test_syspro_invoices.py::test_a_batch_answers_each_item_and_is_posted_whole_or_in_part",
        "test_syspro_invoices.py::test_the_whole_document_counts_when_nothing_is_said",
    ],
    "validate only": ["test_syspro_invoices.py::test_validating_only_answers_the_same_without_a_journal"],
    "journal unbalanced, ledger unknown": [
        "test_syspro_setup_and_journals.py::test_a_wrong_journal_counts_invalid_postings_and_is_not_stored"
    ],
    "journal in a closed period": [
        "test_syspro_setup_and_journals.py::test_a_period_may_be_closed_for_journals",
        "test_syspro_setup_and_journals.py::test_a_wrong_journal_counts_invalid_postings_and_is_not_stored",
    ],
    "framing of answers": [
        "test_syspro_sessions.py::test_bare_answers_are_cp1252_and_say_so",
        "test_syspro_sessions.py::test_answers_may_come_as_a_json_string",
        "test_syspro_sessions.py::test_answers_may_come_inside_a_string_element",
    ],
    "case of the root": [
        "test_syspro_sessions.py::test_the_root_is_lower_or_camel_case_and_carries_the_usual_attributes"
    ],
}
RAMP = {
    "token refused": ["test_ramp_login.py::test_the_token_endpoint_refuses"],
    "no or unknown token": ["test_ramp_login.py::test_a_missing_or_unknown_token"],
    "expired token, and a new one": ["test_ramp_login.py::test_a_token_lives_ten_days_and_has_no_refresh_token"],
    "revoked token, and a new one": ["test_ramp_login.py::test_a_revoked_token_is_dead_and_a_new_one_works"],
    "scope missing": ["test_ramp_login.py::test_each_call_needs_its_scope"],
    "page size": [
        "test_ramp_pages.py::test_a_page_size_out_of_bounds",
        "test_ramp_pages.py::test_every_list_keeps_the_bounds",
    ],
    "date only, unknown value, bad UUID": ["test_ramp_bills.py::test_a_bad_filter_is_refused"],
    "unknown parameter": ["test_ramp_bills.py::test_an_unknown_parameter_filters_nothing_and_is_noted"],
    "unknown bill": [
        "test_ramp_bills.py::test_an_unknown_bill",
        "test_ramp_bills.py::test_an_unknown_bill_is_neither_changed_nor_archived",
    ],
    "201st request": [
        "test_ramp_login.py::test_the_201st_request_within_ten_seconds_is_refused",
        "test_ramp_login.py::test_every_request_extends_the_limit",
        "test_ramp_login.py::test_a_wait_is_named_only_behind_a_switch",
    ],
    "sync without a connection": ["test_ramp_syncs.py::test_without_a_connection_nothing_is_synced"],
    "sync of a bill that is not ready": ["test_ramp_syncs.py::test_one_bill_that_is_not_ready_refuses_the_whole_batch"],
    "sync of a bill already synced": ["test_ramp_syncs.py::test_a_bill_is_synced_once_and_comes_once_in_a_batch"],
    "sync with the same key": ["test_ramp_syncs.py::test_the_same_key_gets_the_same_answer_without_a_second_effect"],
    "sync of the wrong form": ["test_ramp_syncs.py::test_a_bad_batch_is_refused"],
    "sync over the limit": ["test_ramp_syncs.py::test_a_batch_has_its_limit"],
    "accounts: too many, one bad": ["test_ramp_accounting.py::test_one_bad_account_refuses_the_whole_batch"],
    "vendors: too many, one bad": ["test_ramp_accounting.py::test_accounting_vendors_need_an_id_and_a_name"],
    "webhook signed over raw bytes": ["test_ramp_webhooks.py::test_an_event_is_thin_and_signed_over_its_raw_bytes"],
    "webhook forged: secret, body, header, case": ["test_ramp_webhooks.py::test_a_forged_delivery_does_not_verify"],
    "webhook twice and out of order": ["test_ramp_webhooks.py::test_events_come_twice_and_in_any_order"],
    "webhook to a slow receiver": ["test_ramp_webhooks.py::test_a_slow_receiver_gets_the_event_again"],
    "webhook retried on 500": [
        "test_ramp_webhooks.py::test_an_unwell_receiver_is_tried_again_with_the_same_event",
        "test_ramp_webhooks.py::test_after_ten_retries_the_event_is_given_up",
    ],
    "webhook not retried on 404": ["test_ramp_webhooks.py::test_a_refusal_loses_the_event"],
}
ROWS = {"acumatica": ACUMATICA, "syspro": SYSPRO, "ramp": RAMP}


@pytest.mark.parametrize(("system", "row"), [(system, row) for system, rows in ROWS.items() for row in rows])
def test_every_row_has_its_test(system, row):
    assert ROWS[system][row]
    for place in ROWS[system][row]:
        file, _, name = place.partition("::")
        assert file.startswith(f"test_{system}_"), place
        text = (Path(__file__).parent / file).read_text(encoding="utf-8")
        assert f"\ndef {name}(" in text, f"{system}, {row}: {place}"
