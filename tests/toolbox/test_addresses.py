"""Which servers may be asked."""

from __future__ import annotations

import ipaddress

import pytest
from hypothesis import given
from hypothesis import strategies as st
from yarl import URL

from callwright.errors import UsageError
from callwright.toolbox.addresses import Guard, is_private, is_public
from callwright.toolbox.refused import Refused

PUBLIC = """
8.8.8.8 1.1.1.1 172.32.0.1 100.128.0.1 2606:4700:4700::1111 2a00:1450:4001:80b::200e ::ffff:8.8.8.8
64:ff9b::808:808 2002:808:808::1
""".split()
PRIVATE = """
127.0.0.1 127.255.255.254 10.0.0.1 172.16.0.1 172.31.255.255 192.168.1.1 100.64.0.1 ::1 fd12:3456::1
::ffff:127.0.0.1 ::ffff:10.0.0.1 64:ff9b::7f00:1 64:ff9b::a00:1 2002:7f00:1:: 2002:a00:1::1
""".split()
NEITHER = """
0.0.0.0 0.1.2.3 169.254.169.254 169.254.170.2 168.63.129.16 100.100.100.200 192.0.0.192 192.88.99.1 198.18.0.1
192.0.2.1 203.0.113.9 224.0.0.1 239.255.255.250 240.0.0.1 255.255.255.255
:: fe80::1 fe80::1%eth0 fec0::1 ff02::1 ff0e::1 ::127.0.0.1 ::ffff:0:127.0.0.1 64:ff9b:1::7f00:1 100::1 2001::1
2001:db8::1 3fff::1 5f00::1 fd00:ec2::254 ::ffff:169.254.169.254 64:ff9b::a9fe:a9fe 2002:a9fe:a9fe::
2001:0:4136:e378:8000:63bf:3fff:fdd2
""".split()

V4 = st.ip_addresses(v=4)


def code_of(guard: Guard, url: str) -> str:
    with pytest.raises(Refused) as caught:
        guard.check(URL(url))
    return caught.value.code


@pytest.mark.parametrize("text", PUBLIC)
def test_addresses_of_the_public_internet(text):
    address = ipaddress.ip_address(text)
    assert is_public(address) and not is_private(address)


@pytest.mark.parametrize("text", PRIVATE)
def test_addresses_of_private_networks(text):
    address = ipaddress.ip_address(text)
    assert is_private(address) and not is_public(address)


@pytest.mark.parametrize("text", NEITHER)
def test_addresses_that_nothing_opens(text):
    address = ipaddress.ip_address(text)
    assert not is_public(address) and not is_private(address)


@given(V4)
def test_an_address_is_the_same_in_every_form_of_ipv6(v4):
    number = int(v4)
    forms = [
        ipaddress.IPv6Address((0xFFFF << 32) | number),
        ipaddress.IPv6Address((0x64FF9B << 96) | number),
        ipaddress.IPv6Address((0x2002 << 112) | (number << 80)),
    ]
    assert {is_public(form) for form in forms} == {is_public(v4)}
    assert {is_private(form) for form in forms} == {is_private(v4)}


@given(st.ip_addresses())
def test_what_is_public_is_never_anything_else(address):
    if is_public(address):
        assert not is_private(address)
        assert not (address.is_loopback or address.is_link_local or address.is_multicast)
        assert not (address.is_unspecified or (address.version == 4 and address.is_private))


@pytest.mark.parametrize(
    "url", ["https://api.example.com/v1", "http://api.example.com", "https://API.example.com./x"]
)
def test_a_host_on_the_list_may_be_asked_on_its_own_ports(url):
    Guard(["api.example.com"]).check(URL(url))


@pytest.mark.parametrize(
    "url",
    [
        "https://example.com",
        "https://evil.api.example.com",
        "https://api.example.com.evil.org",
        "https://api.example.com:8443",
        "https://8.8.8.8",
        "https://ex%61mple.com",
    ],
)
def test_any_other_host_or_port_is_not_allowed(url):
    assert code_of(Guard(["api.example.com"]), url) == "host_not_allowed"


def test_an_empty_list_allows_nothing_and_says_what_to_add():
    with pytest.raises(Refused, match=r"hosts: \[api\.example\.com:8443\]"):
        Guard([]).check(URL("https://api.example.com:8443/secret?token=1"))


@pytest.mark.parametrize(
    "host",
    """
    127.0.0.1 127.0.0.1:9090 127.0.0.2:8080 localhost:8080 foo.localhost:8080 LOCALHOST.:8080 0.0.0.0:8080 [::1]:8080
    [::ffff:127.0.0.1]:9090 [::]:8080 169.254.169.254 [fe80::1%25eth0] 2130706433:8080 017700000001:8080
    0x7f000001:8080 0x7f.1:8080 127.1:8080 0177.0.0.1:8080 ①②⑦.⓪.⓪.①:9090 [64:ff9b::7f00:1] 10.0.0.1
    """.split(),
)
def test_one_private_address_on_the_list_opens_no_other_and_no_other_spelling(host):
    guard = Guard(["127.0.0.1:8080"], allow_private=True)
    guard.check(URL("http://127.0.0.1:8080/x"))
    assert code_of(guard, f"http://{host}/") == "blocked_address"


def test_a_private_address_on_the_list_is_blocked_unless_private_ones_are_allowed():
    assert code_of(Guard(["127.0.0.1:8080"]), "http://127.0.0.1:8080") == "blocked_address"


def test_a_link_local_address_stays_blocked_even_on_the_list():
    guard = Guard(["169.254.169.254"], allow_private=True)
    assert code_of(guard, "http://169.254.169.254/latest/meta-data") == "blocked_address"


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "gopher://api.example.com", "//api.example.com", "/x", "http://api.example.com:0"],
)
def test_only_http_addresses_of_servers_count(url):
    assert code_of(Guard(["api.example.com"]), url) == "invalid_url"


@given(st.text(st.sampled_from("htps:/@.[]?#\\%0127aelcox-;,\u2025\u2460\u0130")) | st.text(), st.booleans())
def test_any_other_text_is_refused_whatever_it_is(text, encoded):
    guard = Guard(["api.example.com"], allow_private=True)
    for address in (text, f"http:{text}", f"http://{text}", f"http://api.example.com{text}"):
        try:
            url = URL(address, encoded=encoded)
        except ValueError:
            continue
        try:
            guard.check(url)
        except Refused as refused:
            assert refused.code in ("invalid_url", "blocked_address", "host_not_allowed")
        else:
            assert url.raw_host is not None and url.raw_host.lower().rstrip(".") == "api.example.com"


@pytest.mark.parametrize("user", ["user:pw@", "token@", ":pw@", "api.example.com@"])
def test_credentials_in_an_address_are_refused_and_not_repeated(user):
    with pytest.raises(Refused) as caught:
        Guard(["api.example.com"]).check(URL(f"https://{user}api.example.com/"))
    assert caught.value.code == "invalid_url"
    assert "pw" not in str(caught.value) and "token" not in str(caught.value)


@pytest.mark.parametrize("allow_private", [False, True])
async def test_every_address_of_a_name_must_be_one_to_connect_to(allow_private):
    async def resolve(host):
        return ["8.8.8.8", "169.254.169.254"]

    with pytest.raises(Refused) as caught:
        await Guard(["a.example"], allow_private=allow_private, resolve=resolve).addresses("a.example")
    assert caught.value.code == "blocked_address"


@pytest.mark.parametrize("name", ["a" * 70 + ".example", "..", "no-such-host.invalid"])
async def test_a_name_that_leads_nowhere_is_an_error_of_the_system(name):
    with pytest.raises(OSError):
        await Guard([]).addresses(name)


@pytest.mark.parametrize(
    "entry",
    [
        "",
        "*",
        "*.example.com",
        "https://api.example.com",
        "a.com/v1",
        "u@a.com",
        "a b",
        "a.com:x",
        "::1",
        "127.1",
        "a%2eb",
    ],
)
def test_an_entry_that_is_no_host_is_an_error_of_the_recipe(entry):
    with pytest.raises(UsageError, match="is no host; write"):
        Guard([entry])


@pytest.mark.parametrize(
    ("entry", "url"),
    [
        ("münchen.example", "https://münchen.example"),
        ("münchen.example", "https://xn--mnchen-3ya.example"),
        ("[2606:4700:4700:0::1111]:8443", "https://[2606:4700:4700::1111]:8443"),
        ("API.Example.com:80", "http://api.example.com"),
    ],
)
def test_one_host_in_two_spellings_is_one_host(entry, url):
    Guard([entry]).check(URL(url))


@pytest.mark.parametrize(
    "url",
    """
    http://api.example.com@127.0.0.1/ http://api.example.com:80@127.0.0.1/ http://127.0.0.1#@api.example.com/
    http://127.0.0.1?@api.example.com/ http://127.0.0.1/@api.example.com http://api.example.com%00.evil.org/
    http://api.example.com%2f@127.0.0.1/ http://api.example.com.127.0.0.1/ http://127.0.0.1./ http://localhost./
    http://0/ http://0.0.0.0/ http://127.000.000.001/ http://0177.0.0.01/ http://0x7f.0.0.1/ http://127.1/
    http://2130706433/ http://0x7f000001/ http://017700000001/ http://ⓛocalhost/ http://①②⑦.0.0.1/ http://127。0。0。1/
    http://[::]/ http://[::1]/ http://[::ffff:7f00:1]/ http://[::ffff:0:127.0.0.1]/ http://[::127.0.0.1]/
    http://[64:ff9b::7f00:1]/ http://[64:ff9b:1::7f00:1]/ http://[2002:7f00:1::]/ http://[2002:a9fe:a9fe::]/
    http://[fe80::1]/ http://[fe80::1%25eth0]/ http://[fec0::1]/ http://[fd00:ec2::254]/ http://[ff02::1]/
    http://169.254.169.254/ http://169.254.169.254./ http://169.254.170.2/ http://168.63.129.16/ http://100.100.100.200/
    http://224.0.0.1/ http://255.255.255.255/ http://192.0.0.192/ http://198.18.0.1/ http://metadata.google.internal/
    http://api.example.com.evil.org/ http://evil.org/api.example.com http://api.example.com:22/ http://api.example.com:0/
    http://аpi.example.com/ http://api.example.com:8080/ ftp://api.example.com/ ws://api.example.com/
    file:///etc/passwd file://api.example.com/etc/passwd gopher://api.example.com/ data:text/plain,x javascript:x
    """.split(),
)
def test_no_trick_leads_past_the_list(url):
    """One public host is listed and private ones may be: nothing else is asked, however it is written."""
    guard = Guard(["api.example.com"], allow_private=True)
    try:
        address = URL(url)
    except ValueError:
        return  # refused before anybody looks at a list
    with pytest.raises(Refused):
        guard.check(address)


@pytest.mark.parametrize("text", [*PRIVATE, *NEITHER])
async def test_a_listed_name_that_leads_inside_is_not_connected_to(text):
    async def resolve(host):
        return [text]

    with pytest.raises(Refused) as caught:
        await Guard(["api.example.com"], resolve=resolve).addresses("api.example.com")
    assert caught.value.code == "blocked_address"


@pytest.mark.parametrize("text", NEITHER)
async def test_allow_private_opens_neither_metadata_nor_multicast(text):
    async def resolve(host):
        return [text]

    with pytest.raises(Refused):
        await Guard(["a.example"], allow_private=True, resolve=resolve).addresses("a.example")
