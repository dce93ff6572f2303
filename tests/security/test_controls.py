"""Which test attacks which control. A control nobody attacks is a wish."""

from __future__ import annotations

import ast
from functools import cache

import pytest

from .stage import ROOT

HERE, UNIT, SPECS, CONSOLE = "tests/security", "tests/unit", "tests/specs", "tests/console"

CONTROLS: dict[int, tuple[str, ...]] = {
    1: (  # credentials sealed with AES-256-GCM, bound to their place
        f"{HERE}/test_state_at_rest.py::test_01_a_secret_moved_to_another_row_by_sql_stops_the_run",
        f"{HERE}/test_state_at_rest.py::test_01_a_payload_moved_to_another_document_by_sql_is_not_posted",
        f"{HERE}/test_secrets_stay_inside.py::test_01_a_secret_never_comes_from_the_command_line_or_goes_back_to_it",
        f"{UNIT}/state/test_vault.py::test_a_value_opens_only_in_its_place_unaltered_and_with_its_key",
        f"{UNIT}/state/test_vault.py::test_swapped_rows_are_refused",
        f"{UNIT}/state/test_vault.py::test_no_secret_stands_in_any_byte_of_the_database",
    ),
    2: (  # the key outside the data, closed to others, rotated crash-safely
        f"{HERE}/test_state_at_rest.py::test_02_a_backup_without_the_key_opens_nothing_and_makes_no_new_key",
        f"{UNIT}/state/test_vault.py::test_where_keys_come_from",
        f"{UNIT}/state/test_vault.py::test_a_key_open_to_others_is_refused",
        f"{UNIT}/state/test_vault.py::test_a_lost_key_is_not_replaced_by_a_new_one",
        f"{UNIT}/state/test_vault.py::test_a_rotation_cut_anywhere_is_finished_by_the_next",
        f"{UNIT}/state/test_vault.py::test_rotation_knows_every_sealed_column",
        f"{UNIT}/state/test_crashes.py::test_killed_half_way_through_a_change_of_keys",
        f"{UNIT}/state/test_purge.py::test_keys_rotate_over_what_was_purged",
    ),
    3: (  # files 0600, folders 0700, whatever the umask
        f"{HERE}/test_state_at_rest.py::test_03_everything_made_is_its_owners_only_even_without_a_umask",
        f"{HERE}/test_state_at_rest.py::test_03_a_state_or_key_open_to_others_is_refused",
        f"{HERE}/test_state_at_rest.py::test_03_the_workspace_can_not_be_redirected_by_a_link",
        f"{HERE}/test_state_at_rest.py::test_03_files_dropped_for_a_partner_are_not_for_everybody",
        f"{UNIT}/state/test_vault.py::test_files_and_folders_are_their_owners_only",
        f"{UNIT}/state/test_database.py::test_an_open_folder_is_closed_and_a_link_is_refused",
        f"{UNIT}/sources/test_pickup.py::test_the_local_copy_is_ours_alone_and_named_by_us",
    ),
    4: (  # secrets masked at one sink, by value and by name
        f"{HERE}/test_canaries.py::test_04_no_command_shows_or_leaves_a_secret_however_it_ends",
        f"{HERE}/test_canaries.py::test_04_a_server_that_echoes_a_secret_in_any_form_does_not_get_it_into_a_log",
        f"{HERE}/test_canaries.py::test_04_a_secret_pasted_into_a_spec_is_not_repeated_whatever_is_wrong_with_its_line",
        f"{HERE}/test_canaries.py::test_04_exceptions_that_hold_a_secret_never_show_it",
        f"{HERE}/test_canaries.py::test_every_command_is_called",
        f"{HERE}/test_secrets_stay_inside.py::test_04_28_no_way_a_run_ends_leaves_or_shows_a_secret",
        f"{HERE}/test_secrets_stay_inside.py::test_04_a_map_cannot_put_a_secret_into_a_document",
        f"{HERE}/test_secrets_stay_inside.py::test_04_a_file_name_cannot_hold_a_secret_of_another_system",
        f"{UNIT}/state/test_vault.py::test_a_secret_too_short_to_mask_is_refused",
        f"{UNIT}/connections/test_http.py::test_a_secret_at_the_edge_of_a_long_message_is_masked_before_it_is_cut",
    ),
    5: (  # libraries' debug logs; secrets in a query
        f"{HERE}/test_secrets_stay_inside.py::test_05_debug_logs_of_the_libraries_hold_no_secret",
        f"{UNIT}/connections/test_http.py::test_the_libraries_do_not_log_addresses",
        f"{UNIT}/connections/test_sftp_login.py::test_nothing_of_the_ssh_library_reaches_the_log",
        f"{UNIT}/connections/test_http.py::test_a_key_in_the_query_stays_out_of_messages",
    ),
    6: (  # templates are expressions with an allow-list
        f"{HERE}/test_strangers_spec.py::test_06_a_template_that_is_code_or_a_bomb_never_runs",
        f"{UNIT}/mapping/test_templates.py::test_known_ways_out_are_refused_before_anything_runs",
        f"{UNIT}/mapping/test_templates.py::test_costly_templates_are_refused",
        f"{UNIT}/mapping/test_templates.py::test_the_result_is_capped",
        f"{UNIT}/mapping/test_mapper.py::test_field_names_are_data_and_never_code",
    ),
    7: (  # JMESPath costs little
        f"{HERE}/test_strangers_spec.py::test_07_an_expression_costs_little_or_is_refused",
        f"{UNIT}/mapping/test_expressions.py::test_costly_expressions_are_refused",
        f"{UNIT}/mapping/test_expressions.py::test_lists_that_would_explode_are_stopped",
    ),
    8: (  # regular expressions can't hang
        f"{HERE}/test_strangers_spec.py::test_08_no_regular_expression_of_a_spec_can_hang_validate_or_run",
        f"{HERE}/test_strangers_spec.py::test_08_a_back_reference_is_no_pattern",
        f"{UNIT}/mapping/test_functions.py::test_a_catastrophic_pattern_is_harmless",
    ),
    9: (  # YAML: no anchors, tags, directives, second documents, duplicates, surprises
        f"{HERE}/test_strangers_spec.py::test_09_yaml_bombs_are_refused_at_once",
        f"{HERE}/test_controls.py::test_09_each_feature_of_yaml_that_is_forbidden_has_a_case",
        "tests/language/test_language.py::test_exactly_the_expected_problems",
        f"{UNIT}/spec/test_document.py::test_characters_nobody_sees_are_refused",
        f"{UNIT}/spec/test_document.py::test_all_duplicates_are_told_and_the_first_wins",
        f"{UNIT}/spec/test_document.py::test_a_scalar_that_would_change_its_form_must_be_quoted",
        f"{UNIT}/spec/test_document.py::test_a_file_that_is_too_large_or_not_there",
        f"{UNIT}/spec/test_schemas.py::test_objects_are_closed_and_nothing_is_guessed",
    ),
    10: (),  # XML: see below
    11: (  # CSV in and out
        f"{HERE}/test_hostile_files.py::test_11_29_a_broken_file_goes_aside_and_nothing_of_it_is_posted",
        f"{HERE}/test_hostile_files.py::test_11_a_value_can_not_add_a_column_or_a_row_to_a_dropped_file",
        f"{HERE}/test_hostile_files.py::test_11_formulas_are_prefixed_where_people_open_the_file_and_only_there",
        f"{UNIT}/formats/test_csv.py::test_formulas_are_defused_in_files_for_people_and_numbers_never",
        f"{UNIT}/formats/test_csv.py::test_whatever_the_bytes_only_a_parcel_error_comes_out",
    ),
    12: (  # amounts are ASCII decimals, never floats
        f"{HERE}/test_hostile_files.py::test_12_an_amount_that_is_no_plain_number_is_never_posted",
        f"{HERE}/test_hostile_files.py::test_12_a_date_that_is_none_is_never_posted",
        f"{HERE}/test_hostile_files.py::test_12_29_a_hostile_json_file_posts_nothing",
        f"{HERE}/test_own_code.py::test_12_no_reader_of_documents_makes_a_float_of_a_number",
        f"{UNIT}/mapping/test_types.py::test_what_is_no_amount_is_refused",
        f"{UNIT}/connections/test_wire.py::test_an_answer_that_is_not_strict_json_is_refused",
        f"{UNIT}/state/test_intake.py::test_a_float_is_refused_wherever_it_hides",
    ),
    13: (  # OData literals
        f"{HERE}/test_strangers_spec.py::test_13_an_invoice_number_can_not_change_an_odata_filter",
        f"{UNIT}/mapping/test_functions.py::test_an_odata_literal_can_not_be_left",
        f"{UNIT}/mapping/test_functions.py::test_a_filter_is_made_of_identifiers_and_plain_values",
    ),
    14: (  # paths and parts of addresses
        f"{HERE}/test_strangers_spec.py::test_14_data_in_a_path_stays_one_part_of_it",
        f"{HERE}/test_strangers_spec.py::test_14_a_path_that_climbs_is_refused_and_shows_nothing_of_what_lies_there",
        f"{HERE}/test_strangers_spec.py::test_14_a_drop_name_from_data_stays_one_name",
        f"{HERE}/test_strangers_spec.py::test_14_a_folder_that_is_a_link_out_of_its_root_is_not_followed",
        f"{UNIT}/connections/test_http.py::test_a_path_that_leaves_its_place_is_refused",
        f"{UNIT}/connections/test_http.py::test_an_encoded_value_stays_one_part_of_the_path",
    ),
    15: (  # headers
        f"{HERE}/test_strangers_spec.py::test_15_data_can_not_add_a_header",
        f"{UNIT}/connections/test_http.py::test_a_header_that_would_become_two_is_refused_without_being_quoted",
    ),
    16: (  # requests, links, redirects and token calls stay on their origin
        f"{HERE}/test_strangers_spec.py::test_16_a_step_that_goes_to_another_host_sends_nothing_there",
        f"{HERE}/test_strangers_spec.py::test_16_a_redirect_of_the_login_or_a_write_is_not_followed",
        f"{HERE}/test_strangers_spec.py::test_16_a_base_that_is_no_plain_address_stops_before_anything_is_sent",
        f"{HERE}/test_hostile_answers.py::test_16_a_next_link_leads_nowhere_but_on",
        f"{UNIT}/connections/test_auth.py::test_a_token_address_outside_the_declared_ones_is_refused",
        f"{UNIT}/connections/test_http.py::test_nothing_goes_to_another_origin",
        f"{UNIT}/connections/test_http_faults.py::test_a_redirect_is_not_followed",
    ),
    17: (  # TLS
        f"{HERE}/test_transport.py::test_17_an_older_tls_is_refused_and_nothing_is_sent",
        f"{HERE}/test_transport.py::test_17_a_certificate_that_is_not_the_hosts_gets_no_request",
        f"{HERE}/test_transport.py::test_17_the_context_every_connection_has_verifies",
        f"{HERE}/test_transport.py::test_17_plain_http_on_a_tls_port_is_no_answer",
        f"{HERE}/test_strangers_spec.py::test_17_no_proxy_of_the_environment_sees_a_request",
        f"{HERE}/test_strangers_spec.py::test_17_a_spec_has_no_switch_for_trust",
        f"{HERE}/test_own_code.py::test_what_no_line_of_the_engine_does",
    ),
    18: (  # SSH host keys
        f"{HERE}/test_strangers_spec.py::test_18_an_sftp_server_with_another_key_gets_no_password",
        f"{UNIT}/connections/test_sftp_login.py::test_another_host_key_stops_everything_before_a_credential_is_sent",
        f"{UNIT}/connections/test_sftp_login.py::test_a_host_key_changed_between_two_connections_is_noticed",
        f"{UNIT}/connections/test_sftp_login.py::test_no_pin_tells_how_to_get_one",
        f"{UNIT}/connections/test_sftp_login.py::test_a_server_with_nothing_but_ssh_rsa_is_named_with_the_way_out",
        f"{UNIT}/connections/test_host_keys.py::test_a_revoked_key_is_refused_even_when_pinned_too",
    ),
    19: (  # hosts
        f"{HERE}/test_strangers_spec.py::test_19_metadata_and_link_local_addresses_are_refused_however_they_are_written",
        f"{HERE}/test_strangers_spec.py::test_19_this_machine_is_refused_unless_the_operator_allows_it",
        f"{HERE}/test_strangers_spec.py::test_19_loopback_is_refused_for_sftp_too",
        f"{UNIT}/connections/test_http_network.py::test_a_name_that_points_to_a_forbidden_address_is_refused",
        f"{UNIT}/connections/test_sftp_login.py::test_metadata_and_link_local_addresses_are_never_reached",
    ),
    20: (  # caps on what a server may send
        f"{HERE}/test_hostile_answers.py::test_20_a_hostile_answer_to_a_write_is_a_doubt",
        f"{HERE}/test_hostile_answers.py::test_20_a_hostile_answer_to_a_look_is_never_absent_and_never_found",
        f"{HERE}/test_hostile_answers.py::test_20_a_drip_ends_at_the_deadline",
        f"{HERE}/test_hostile_answers.py::test_27_an_error_text_is_short_harmless_and_one_line",
        f"{HERE}/test_transport.py::test_20_headers_beyond_64_kib_are_no_success",
        f"{HERE}/test_transport.py::test_20_json_deeper_than_64_levels_is_no_success",
        f"{UNIT}/connections/test_http_faults.py::test_a_gzip_bomb_stops_at_the_cap",
    ),
    23: (  # webhooks: signed raw bytes, each event once, a hint and no more
        f"{SPECS}/test_ramp_webhooks.py::test_what_is_not_signed_as_agreed_is_refused_and_polling_brings_the_bill",
        f"{SPECS}/test_ramp_webhooks.py::test_an_event_sent_again_is_known",
        f"{SPECS}/test_ramp_webhooks.py::test_both_secrets_are_good_while_one_takes_the_others_place",
        f"{SPECS}/test_ramp_webhooks.py::test_genuine_messages_that_announce_nothing_are_answered_and_not_stored",
        f"{SPECS}/test_ramp_webhooks.py::test_an_announced_bill_of_another_entity_is_left",
        f"{SPECS}/test_ramp_webhooks.py::test_the_secret_is_never_shown",
        f"{UNIT}/service/test_hooks.py::test_what_is_not_signed_as_agreed_is_refused",
        f"{UNIT}/service/test_hooks.py::test_whoever_asks_for_what_is_not_there_learns_nothing",
        f"{UNIT}/service/test_hooks.py::test_a_body_without_a_length_is_counted_as_it_comes",
        f"{UNIT}/service/test_hooks.py::test_a_compressed_body_is_refused",
        f"{UNIT}/service/test_hooks.py::test_forgeries_are_slowed_down_and_the_real_sender_is_not",
        f"{UNIT}/service/test_hooks.py::test_a_new_secret_is_good_and_the_old_one_is_not_once_the_vault_says_so",
        f"{UNIT}/service/test_hooks.py::test_a_database_that_is_busy_lets_the_sender_send_again",
        f"{UNIT}/service/test_hooks.py::test_ten_copies_of_ten_events_are_stored_once_and_run_once",
        f"{UNIT}/service/test_hooks.py::test_no_secret_and_no_signature_is_told_anywhere",
    ),
    24: (  # the console: who comes in, what a browser may be made to do, what is shown
        f"{CONSOLE}/test_login.py::test_nothing_is_shown_before_the_login_and_the_way_back_is_kept",
        f"{CONSOLE}/test_login.py::test_the_login_leads_to_no_other_site",
        f"{CONSOLE}/test_login.py::test_the_session_is_a_cookie_no_script_and_no_other_site_gets_and_stored_as_a_hash_only",
        f"{CONSOLE}/test_login.py::test_with_https_the_cookie_is_secure_and_bound_to_its_host",
        f"{CONSOLE}/test_login.py::test_every_login_has_a_new_token_and_the_one_before_ends",
        f"{CONSOLE}/test_login.py::test_logging_out_ends_it_on_the_server_too",
        f"{CONSOLE}/test_login.py::test_it_ends_after_half_an_hour_of_nothing_but_not_while_it_is_used",
        f"{CONSOLE}/test_login.py::test_after_twelve_hours_it_ends_however_much_it_was_used",
        f"{CONSOLE}/test_login.py::test_five_wrong_passwords_lock_the_name_even_for_the_right_one_and_a_quarter_of_an_hour_later_it_opens",
        f"{CONSOLE}/test_login.py::test_somebody_who_is_not_there_gets_the_same_answers_after_the_same_time",
        f"{CONSOLE}/test_login.py::test_an_address_that_tries_name_after_name_is_stopped_too",
        f"{CONSOLE}/test_login.py::test_whatever_a_login_stood_on_ends_it_when_it_changes",
        f"{CONSOLE}/test_login.py::test_passwords_never_cross_a_network_in_the_clear",
        f"{CONSOLE}/test_roles.py::test_no_page_is_shown_to_a_stranger",
        f"{CONSOLE}/test_roles.py::test_no_change_is_made_for_a_stranger",
        f"{CONSOLE}/test_roles.py::test_a_viewer_changes_nothing",
        f"{CONSOLE}/test_roles.py::test_only_an_admin_says_who_comes_in",
        f"{CONSOLE}/test_roles.py::test_a_change_is_never_asked_for_by_an_address",
        f"{CONSOLE}/test_csrf.py::test_a_form_from_elsewhere_changes_nothing_even_with_the_right_token",
        f"{CONSOLE}/test_csrf.py::test_without_the_sessions_token_nothing_changes_even_from_here",
        f"{CONSOLE}/test_csrf.py::test_the_token_of_somebody_elses_session_does_not_do",
        f"{CONSOLE}/test_csrf.py::test_nobody_is_logged_in_by_another_sites_form",
        f"{CONSOLE}/test_headers.py::test_every_answer_keeps_strangers_out",
        f"{CONSOLE}/test_headers.py::test_no_page_holds_a_script_or_a_style_of_its_own",
        f"{CONSOLE}/test_headers.py::test_nothing_but_the_files_is_served",
        f"{CONSOLE}/test_headers.py::test_another_hosts_name_is_not_answered",
        f"{CONSOLE}/test_overview.py::test_nothing_that_came_in_acts_in_the_page",
        f"{UNIT}/state/test_people_table.py::test_tries_are_counted_before_they_are_compared_so_many_at_once_are_no_way_round",
    ),
    25: (  # what moves money by hand has a reason and, where nothing can be looked up, a second person
        f"{CONSOLE}/test_second_person.py::test_one_asks_and_another_confirms",
        f"{CONSOLE}/test_second_person.py::test_nobody_confirms_what_they_asked_for",
        f"{CONSOLE}/test_second_person.py::test_an_asking_ends_with_the_situation_it_was_about",
        f"{CONSOLE}/test_second_person.py::test_no_other_way_leads_there",
    ),
    26: (  # the trail's chain
        f"{HERE}/test_state_at_rest.py::test_26_a_trail_changed_by_sql_is_told",
        f"{HERE}/test_state_at_rest.py::test_26_a_trail_cut_short_together_with_its_head_is_told_by_the_head_noted_outside",
        f"{UNIT}/state/test_trail.py::test_a_line_of_another_tenant_does_not_fit",
        f"{UNIT}/state/test_trail.py::test_swapped_lines_are_found",
        f"{UNIT}/state/test_purge.py::test_who_purged_how_much_is_in_a_trail_that_verifies",
    ),
    27: (  # nothing commands a terminal or forges a line
        f"{HERE}/test_hostile_files.py::test_27_nothing_a_file_holds_commands_the_terminal_or_forges_a_line",
        f"{HERE}/test_hostile_files.py::test_21_27_a_file_name_is_no_path_no_command_and_no_line_of_a_log",
        f"{HERE}/test_hostile_answers.py::test_27_an_error_text_is_short_harmless_and_one_line",
        f"{UNIT}/spec/test_report.py::test_terminal_codes_in_a_spec_are_not_passed_on",
        f"{UNIT}/spec/test_report.py::test_github_escapes_what_would_end_the_command",
    ),
    28: (  # payloads sealed, and gone when their time is over
        f"{HERE}/test_state_at_rest.py::test_28_a_stolen_database_shows_no_line_of_an_invoice",
        f"{HERE}/test_state_at_rest.py::test_28_every_other_column_is_sealed",
        f"{HERE}/test_state_at_rest.py::test_28_what_the_target_shows_of_other_invoices_is_not_kept_either",
        f"{UNIT}/state/test_purge.py::test_no_byte_of_what_was_purged_is_left_in_any_file",
        f"{UNIT}/state/test_purge.py::test_a_document_that_is_open_or_held_is_never_purged",
        f"{UNIT}/state/test_purge.py::test_a_purged_duplicate_is_still_known_and_a_change_still_seen",
        f"{UNIT}/state/test_purge.py::test_a_purge_cut_after_a_piece_goes_on_with_the_rest",
        "tests/cli/test_purge.py::test_what_was_purged_is_not_posted_again",
        "tests/cli/test_purge.py::test_every_command_says_that_the_payload_is_gone_and_when",
    ),
    29: (  # one file can't take the machine
        f"{HERE}/test_resource_guard.py::test_29_a_file_that_wants_the_machine_gets_a_refusal",
        f"{HERE}/test_resource_guard.py::test_29_the_reader_has_no_descriptor_but_the_file_and_its_pipes",
        f"{HERE}/test_resource_guard.py::test_29_the_reader_has_no_secret_in_its_environment_arguments_or_memory_of_them",
        f"{HERE}/test_resource_guard.py::test_29_the_reader_may_take_so_much_memory_and_processor_and_leaves_no_core",
        f"{HERE}/test_resource_guard.py::test_29_a_reader_that_sends_nonsense_is_refused",
        f"{UNIT}/sources/test_pickup_apart.py::test_a_file_that_eats_memory_is_refused_and_this_process_stays_small",
        f"{UNIT}/sources/test_pickup_apart.py::test_a_file_that_takes_too_long_is_refused",
        f"{UNIT}/sources/test_pickup_apart.py::test_a_reader_that_dies_refuses_the_file",
        f"{UNIT}/sources/test_pickup_apart.py::test_the_reader_ends_when_its_parent_does",
    ),
    30: (  # what is installed is what was checked
        f"{HERE}/test_supply_chain.py::test_30_every_package_is_pinned_with_hashes",
        f"{HERE}/test_supply_chain.py::test_30_no_version_with_a_known_hole_is_locked",
        f"{HERE}/test_supply_chain.py::test_30_the_locks_are_installed_by_their_hashes_and_nothing_runs_at_install",
        f"{HERE}/test_own_code.py::test_30_every_package_installed_has_a_reason",
        f"{HERE}/test_own_code.py::test_30_versions_with_known_holes_are_not_even_allowed",
    ),
    31: (  # SQL by parameters only
        f"{HERE}/test_own_code.py::test_31_no_text_put_together_is_ever_run_as_sql",
        f"{HERE}/test_own_code.py::test_31_only_the_state_speaks_sql",
        f"{HERE}/test_state_at_rest.py::test_31_what_is_asked_for_is_never_sql",
        f"{HERE}/test_state_at_rest.py::test_31_an_invoice_number_that_is_sql_is_a_number",
        f"{HERE}/test_strangers_spec.py::test_31_a_spec_has_no_sql",
    ),
    32: (  # an unknown error never posts
        f"{HERE}/test_fail_closed.py::test_32_an_unexpected_error_never_posts",
        f"{HERE}/test_fail_closed.py::test_32_the_next_poll_posts_once_what_was_not_held",
        f"{HERE}/test_fail_closed.py::test_32_an_error_after_the_request_went_out_is_a_doubt_not_a_success",
    ),
}  # fmt: skip
"""By the number of the control. 21 and 22 are attacked too."""

XML = sorted(path.relative_to(ROOT).as_posix() for path in (ROOT / "tests").rglob("test_xml*.py"))
"""Control 10 is attacked where the XML reader is tested, and through a whole run."""

FORBIDDEN_IN_YAML = {
    "E002": "another encoding", "E003": "too large", "E004": "too deep", "E005": "invisible characters", "E009": "a key twice",
    "E010": "anchors, aliases, merges", "E011": "tags", "E012": "directives", "E013": "a second document", "E014": "00123 as a number",
    "E101": "an unknown key",
}  # fmt: skip


@cache
def functions(file: str) -> frozenset[str]:
    """The tests of a file, without running it."""
    tree = ast.parse((ROOT / file).read_text(encoding="utf-8"))
    return frozenset(node.name for node in ast.walk(tree) if isinstance(node, ast.FunctionDef))


def exists(test: str) -> bool:
    file, _, name = test.partition("::")
    return (ROOT / file).is_file() and (not name or name in functions(file))


def attacks(control: int) -> tuple[str, ...]:
    if control != 10:
        return CONTROLS[control]
    return (*XML, f"{HERE}/test_hostile_files.py::test_10_a_document_type_is_refused_before_anything_of_it_is_read")


@pytest.mark.parametrize("control", [*range(1, 21), *range(23, 33)])
def test_every_control_is_attacked_by_tests_that_exist(control):
    assert len(attacks(control)) >= 1
    assert [test for test in attacks(control) if not exists(test)] == []


def test_every_test_that_names_a_control_stands_in_the_table_or_beside_one_that_does():
    """`test_17_…` is an attack on control 17: at least one of its file is in the table."""
    named = {
        int(name[5:7])
        for file in (ROOT / HERE).glob("test_*.py")
        for name in functions(file.relative_to(ROOT).as_posix())
        if name[5:7].isdigit()
    }
    assert named - {21, 22} <= set(CONTROLS)


@pytest.mark.parametrize("code", FORBIDDEN_IN_YAML)
def test_09_each_feature_of_yaml_that_is_forbidden_has_a_case(code):
    """A spec with exactly this mistake, and the place where it is told; E003 is too large to keep and is made by its test."""
    cases = list((ROOT / "tests/language/invalid").glob(f"{code.lower()}-*.yaml"))
    assert cases or code in (ROOT / UNIT / "spec/test_document.py").read_text()
