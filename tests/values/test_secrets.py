from __future__ import annotations

import pytest

from callwright.values.secrets import PATTERNS, find_secret

# Put together here, so that no scanner takes this file for a leak.
LEAKS = {
    "authorization_header": "Authorization: Bearer " + "abc.def-0123456789" * 2,
    "openai_key": "sk-" + "proj-" + "a1B2" * 8,
    "hugging_face_token": "hf_" + "aB3" * 11,
    "aws_access_key": "AKIA" + "ABCDEFGH12345678",
    "github_token": "ghp_" + "a1" * 18,
    "google_api_key": "AIza" + "x" * 35,
    "slack_token": "xoxb-" + "1234567890-abc",
    "private_key": "-----BEGIN RSA " + "PRIVATE KEY-----",
}
ALSO = {
    "Basic " + "QWxhZGRpbjpvcGVuIHNlc2FtZTEx": "authorization_header",
    "ASIA" + "ABCDEFGH12345678": "aws_access_key",
    "github_pat_" + "a1" * 20: "github_token",
    "-----BEGIN " + "PRIVATE KEY-----": "private_key",
    **{f"gh{letter}_" + "a1" * 18: "github_token" for letter in "ousr"},
    **{f"xox{letter}-" + "1234567890-abc": "slack_token" for letter in "aeprs"},
}


@pytest.mark.parametrize("secret", ALSO)
def test_each_spelling_of_a_pattern_is_found(secret: str):
    assert find_secret(f"use {secret}") == ALSO[secret]


@pytest.mark.parametrize("name", list(PATTERNS))
def test_a_credential_is_known_by_its_shape(name: str):
    assert find_secret(f'{{"content": "use {LEAKS[name]} now"}}') == name


@pytest.mark.parametrize(
    "text",
    [
        "Authorization: Bearer <token>",
        "send a bearer token in the header",
        "Bearer YOUR_ACCESS_TOKEN_GOES_HERE",
        "task-management-with-kanban-boards",
        "a risk-assessment-of-2024-and-all-that",
        "hf_transfer",
        "-----BEGIN PUBLIC KEY-----",
        "ticket SK-20240101",
    ],
)
def test_words_about_credentials_are_none(text: str):
    assert find_secret(text) is None
