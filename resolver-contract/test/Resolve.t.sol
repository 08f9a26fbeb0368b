// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, Proof} from "../src/IMooringResolver.sol";
import {MooringResolver} from "../src/MooringResolver.sol";
import {Answer, Fixture, IGetters} from "./Fixture.sol";
import {Entry, Slot, TagListBuilder} from "./TagListBuilder.sol";

/// @dev A resolver that wants a gateway of its own.
contract OffchainFallback {
    error OffchainLookup(address sender, string[] urls, bytes callData, bytes4 callbackFunction, bytes extraData);

    function text(bytes32, string calldata) external view returns (string memory) {
        revert OffchainLookup(address(this), new string[](0), "", 0, "");
    }
}

/// @dev A resolver whose revert data is as long as a record would be.
contract WordyFallback {
    function text(bytes32, string calldata) external pure returns (string memory) {
        assembly ("memory-safe") {
            mstore(0, 1)
            revert(0, 32)
        }
    }
}

contract ResolveTest is Fixture {
    bytes4 internal constant LOOKUP = IMooringResolver.OffchainLookup.selector;

    function resolveCall(bytes memory name, bytes memory data) internal view returns (bool ok, bytes memory answer) {
        return address(resolver).staticcall(abi.encodeCall(IMooringResolver.resolve, (name, data)));
    }

    function lookupOf(bytes memory name, bytes memory data)
        internal
        view
        returns (address sender, string[] memory urls, bytes memory callData, bytes4 callback, bytes memory extra)
    {
        (bool ok, bytes memory answer) = resolveCall(name, data);
        assertTrue(!ok && bytes4(answer) == LOOKUP);
        return abi.decode(slice(answer, 4, answer.length), (address, string[], bytes, bytes4, bytes));
    }

    function expectError(bytes memory name, bytes memory data, bytes memory reason) internal view {
        (bool ok, bytes memory answer) = resolveCall(name, data);
        assertTrue(!ok);
        assertEq(answer, reason);
    }

    function multicall(bytes memory first, bytes memory second) internal pure returns (bytes memory) {
        bytes[] memory calls = new bytes[](2);
        (calls[0], calls[1]) = (first, second);
        return abi.encodeCall(IGetters.multicall, (calls));
    }

    function setAvatar(string memory value) internal {
        vm.prank(alice);
        publicResolver.setText(ACME, "avatar", value);
    }

    function test_ERC3668_a_tag_is_asked_of_the_gateways_with_the_whole_call_and_the_agreed_extra_data() public view {
        bytes memory data = textCall(ACME, "oci-tag[v1]");
        (address sender, string[] memory urls, bytes memory callData, bytes4 callback, bytes memory extra) =
            lookupOf(ACME_NAME, data);
        assertEq(sender, address(resolver));
        assertEq(callData, abi.encodeCall(IMooringResolver.resolve, (ACME_NAME, data)));
        assertTrue(callback == IMooringResolver.resolveCallback.selector);
        assertEq(extra, abi.encode(callData, address(resolver)));
        assertEq(urls.length, 1);
    }

    function test_protocol4_callData_up_to_900_bytes_is_a_GET_and_longer_a_POST() public {
        vm.chainId(77);
        bytes memory head = bytes(string.concat("https://gateway.example/ccip/77/", lowerHex(address(resolver)), "/{sender}"));
        bytes[] memory calls = new bytes[](3);
        for (uint256 i = 0; i < 3; ++i) calls[i] = textCall(ACME, "oci-tag[v1]");
        (, string[] memory short, bytes memory shortCall,,) = lookupOf(ACME_NAME, calls[0]);
        assertTrue(shortCall.length <= 900);
        assertEq(bytes(short[0]), bytes.concat(head, "/{data}.json"));
        (, string[] memory long, bytes memory longCall,,) =
            lookupOf(ACME_NAME, abi.encodeCall(IGetters.multicall, (calls)));
        assertEq(longCall.length, 932);
        assertEq(bytes(long[0]), head);
        calls[2] = textCall(ACME, "");
        (, string[] memory last, bytes memory lastCall,,) =
            lookupOf(ACME_NAME, abi.encodeCall(IGetters.multicall, (calls)));
        assertEq(lastCall.length, 900);
        assertEq(bytes(last[0]), bytes.concat(head, "/{data}.json"));
    }

    function test_ENSIP10_text_and_data_of_a_present_tag() public view {
        expectText(answerV1(), V1_TEXT);
        Answer memory a = answerFor(ACME_NAME, abi.encodeCall(IGetters.data, (ACME, "oci-tag[v1]")), 1);
        bytes memory typed =
            abi.encode(V1_TEXT, uint64(1234), "application/vnd.oci.image.index.v1+json", bytes32(0), uint64(1));
        assertEq(ask(a), abi.encode(typed));
    }

    function test_protocol2_1_sha512_digest() public {
        Entry memory entry = TagListBuilder.entry(bytes32(uint256(0x11 * ones())));
        entry.algorithm = 2;
        entry.digest = abi.encodePacked(bytes32(uint256(0x11 * ones())), bytes32(uint256(0xfe * ones())));
        string[] memory tags = new string[](1);
        bytes[] memory values = new bytes[](1);
        (tags[0], values[0]) = ("v1", TagListBuilder.encode(entry));
        keep(TagListBuilder.slots(tags, values));
        expectText(
            answerV1(),
            "sha512:1111111111111111111111111111111111111111111111111111111111111111fefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefefe"
        );
    }

    function test_protocol2_1_absence_between_below_above_and_in_an_empty_list() public {
        expectText(answerFor(ACME_NAME, textCall(ACME, "oci-tag[v10]"), 1), "");
        expectText(answerFor(ACME_NAME, textCall(ACME, "oci-tag[V1]"), 0), "");
        expectText(answerFor(ACME_NAME, textCall(ACME, "oci-tag[z]"), 3), "");
        assertEq(ask(answerFor(ACME_NAME, abi.encodeCall(IGetters.data, (ACME, "oci-tag[z]")), 3)), abi.encode(bytes("")));
        keep(TagListBuilder.slots(new string[](0), new bytes[](0)));
        expectText(answerFor(ACME_NAME, textCall(ACME, "oci-tag[v1]"), 0), "");
    }

    function test_row8_a_neighbour_does_not_prove_a_present_tag_absent() public view {
        expectRefusal(answerFor(ACME_NAME, textCall(ACME, "oci-tag[v2]"), 1), IMooringResolver.BadProof.selector);
        expectRefusal(answerFor(ACME_NAME, textCall(ACME, "oci-tag[v2]"), 3), IMooringResolver.BadProof.selector);
    }

    function test_row8_an_inner_node_is_no_leaf() public view {
        Answer memory a = answerV1();
        bytes32[] memory path = new bytes32[](1);
        path[0] = a.proofs[0].path[1];
        bytes32[] memory level = TagListBuilder.leaves(slots);
        a.proofs[0] = Proof("", "", abi.encodePacked(level[0], level[1]), path);
        a.list.count = 2;
        sign(a, ALICE_KEY);
        expectRefusal(a, IMooringResolver.BadProof.selector);
    }

    function test_row0_a_leaf_cut_again_256_bytes_on_proves_nothing() public view {
        // nextKey of 3 bytes takes the value's first 256 bytes in: were its length cut to one byte, the leaf would be the same.
        Answer memory a = answerV1();
        expectText(a, V1_TEXT);
        Proof memory cut = a.proofs[0];
        cut.value = bytes.concat(cut.value, new bytes(256));
        a.list.count = 1;
        cut.path = new bytes32[](0);
        a.list.root = TagListBuilder.leaf(Slot(cut.key, cut.nextKey, cut.value));
        sign(a, ALICE_KEY);
        bytes memory rest = bytes.concat(cut.nextKey, cut.value);
        (cut.nextKey, cut.value) = (slice(rest, 0, 259), slice(rest, 259, rest.length));
        assertTrue(TagListBuilder.leaf(Slot(cut.key, cut.nextKey, cut.value)) == a.list.root);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
        a = answerV1();
        a.proofs[0].key = new bytes(130);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
    }

    function test_row0_as_many_proofs_as_tag_calls() public view {
        Answer memory a = answerV1();
        a.proofs = new Proof[](0);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
        a = answerFor(ACME_NAME, textCall(ACME, "oci-version"), 0);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
        a.proofs = new Proof[](0);
        expectText(a, "1");
    }

    function test_protocol4_version_root_and_registry_records() public view {
        Answer memory a = answerFor(ACME_NAME, textCall(ACME, "oci-root"), 0);
        a.proofs = new Proof[](0);
        assertEq(ask(a).length, 64 + 96);
        (bool ok, bytes memory answer) = resolveCall(ACME_NAME, textCall(ACME, "oci-registry"));
        assertTrue(ok);
        assertEq(abi.decode(answer, (bytes)), abi.encode("https://gateway.example"));
    }

    function test_protocol4_a_multicall_is_answered_by_one_lookup_with_records_of_all_kinds() public {
        setAvatar("ipfs://picture");
        bytes memory data = multicall(textCall(ACME, "oci-tag[v1]"), textCall(ACME, "avatar"));
        bytes[] memory records = abi.decode(ask(answerFor(ACME_NAME, data, 1)), (bytes[]));
        assertEq(records[0], abi.encode(V1_TEXT));
        assertEq(records[1], abi.encode("ipfs://picture"));
    }

    function test_protocol4_in_a_multicall_an_OCI_failure_reverts_all_and_a_fallbacks_is_its_entrys() public view {
        bytes memory unknown = abi.encodeWithSelector(0xdeadbeef, ACME);
        bytes memory data = multicall(textCall(ACME, "oci-tag[v1]"), unknown);
        bytes[] memory records = abi.decode(ask(answerFor(ACME_NAME, data, 1)), (bytes[]));
        bytes4 selector = IMooringResolver.UnsupportedResolverProfile.selector;
        assertEq(records[1], abi.encodeWithSelector(selector, bytes4(0xdeadbeef)));
        expectRefusal(answerFor(ACME_NAME, data, 2), IMooringResolver.BadProof.selector);
    }

    function test_protocol4_multicalls_hold_at_most_32_calls_and_do_not_nest() public {
        setAvatar("a");
        bytes[] memory calls = new bytes[](32);
        for (uint256 i = 0; i < 32; ++i) calls[i] = textCall(ACME, "avatar");
        (bool ok, bytes memory answer) = resolveCall(ACME_NAME, abi.encodeCall(IGetters.multicall, (calls)));
        assertTrue(ok);
        assertEq(abi.decode(abi.decode(answer, (bytes)), (bytes[])).length, 32);
        bytes[] memory more = new bytes[](33);
        for (uint256 i = 0; i < 33; ++i) more[i] = calls[0];
        bytes memory refused = abi.encodePacked(IMooringResolver.BadResponse.selector);
        expectError(ACME_NAME, abi.encodeCall(IGetters.multicall, (more)), refused);
        expectError(ACME_NAME, multicall(calls[0], multicall(calls[0], calls[0])), refused);
    }

    function test_protocol4_other_records_come_from_the_fallback_without_a_gateway() public {
        setAvatar("ipfs://picture");
        (bool ok, bytes memory answer) = resolveCall(ACME_NAME, textCall(ACME, "avatar"));
        assertTrue(ok);
        assertEq(abi.decode(answer, (bytes)), abi.encode("ipfs://picture"));
        (ok, answer) = resolveCall(ACME_NAME, textCall(ACME, "never-set"));
        assertEq(abi.decode(answer, (bytes)), abi.encode(""));
    }

    function test_protocol4_a_Unicode_name_keeps_its_other_records_and_has_no_tags() public view {
        bytes memory name = bytes.concat(hex"04f09f9a80", "\x03eth", hex"00");
        (bool ok,) = resolveCall(name, textCall(nodeOf(name), "avatar"));
        assertTrue(ok);
        bytes memory data = textCall(nodeOf(name), "oci-tag[v1]");
        expectError(name, data, abi.encodePacked(IMooringResolver.InvalidName.selector));
    }

    function test_protocol4_a_fallback_that_wants_a_gateway_is_not_followed() public {
        OffchainFallback other = new OffchainFallback();
        vm.prank(alice);
        resolver.setFallback(ACME_NAME, address(other));
        bytes memory refused = abi.encodePacked(IMooringResolver.FallbackNotOnchain.selector);
        expectError(ACME_NAME, textCall(ACME, "avatar"), refused);
    }

    function test_ENSIP22_error_bytes_of_a_fallback_are_never_as_long_as_a_record() public {
        WordyFallback other = new WordyFallback();
        vm.prank(alice);
        resolver.setFallback(ACME_NAME, address(other));
        (bool ok, bytes memory answer) = resolveCall(ACME_NAME, multicall(textCall(ACME, "a"), textCall(ACME, "b")));
        assertTrue(ok);
        bytes[] memory records = abi.decode(abi.decode(answer, (bytes)), (bytes[]));
        assertTrue(records[0].length % 32 != 0 && records[1].length % 32 != 0);
    }

    function test_ENSIP10_an_unknown_getter_is_an_unsupported_profile() public view {
        bytes4 unsupported = IMooringResolver.UnsupportedResolverProfile.selector;
        bytes memory call = abi.encodeWithSelector(0xdeadbeef, ACME);
        expectError(ACME_NAME, call, abi.encodeWithSelector(unsupported, bytes4(0xdeadbeef)));
        (bool ok, bytes memory answer) = address(resolver).staticcall(call);
        assertTrue(!ok);
        assertEq(answer, abi.encodeWithSelector(unsupported, bytes4(0xdeadbeef)));
    }

    function test_protocol4_legacy_getters_answer_from_the_fallback_and_never_an_OCI_record() public {
        setAvatar("ipfs://picture");
        vm.prank(alice);
        publicResolver.setAddr(ACME, bob);
        assertEq(bytes(IGetters(address(resolver)).text(ACME, "avatar")), "ipfs://picture");
        assertEq(IGetters(address(resolver)).addr(ACME), bob);
        vm.prank(alice);
        publicResolver.setText(ACME, "oci-tag[v1]", "unsigned");
        (bool ok,) = address(resolver).staticcall(textCall(ACME, "oci-tag[v1]"));
        assertTrue(!ok);
    }

    function test_ERC3668_nothing_in_extraData_is_trusted() public view {
        // Bob signs a list that names himself and says that it is Alice's name's.
        Answer memory a = answerV1();
        sign(a, BOB_KEY);
        expectRefusal(a, IMooringResolver.NotPublisher.selector);
        a.list.owner = bob;
        sign(a, BOB_KEY);
        expectRefusal(a, IMooringResolver.OwnerMismatch.selector);
        // The second field may be anything: a DNS resolver puts itself there.
        a = answerV1();
        bytes memory callData = abi.encodeCall(IMooringResolver.resolve, (a.name, a.data));
        assertEq(resolver.resolveCallback(encoded(a), abi.encode(callData, bob)), abi.encode(V1_TEXT));
    }

    function test_protocol2_2_a_list_for_another_chain_contract_or_node_is_refused() public {
        Answer memory a = answerV1();
        expectText(a, V1_TEXT);
        vm.chainId(1);
        expectRefusal(a, IMooringResolver.BadSignature.selector);
        vm.chainId(31337);
        MooringResolver other = new MooringResolver(ownership, address(publicResolver), new string[](0));
        vm.prank(alice);
        registry.setResolver(ACME, address(other));
        try other.resolveCallback(encoded(a), extraData(a)) {
            revert("accepted");
        } catch (bytes memory refusal) {
            assertEq(refusal, abi.encodePacked(IMooringResolver.BadSignature.selector));
        }
    }

    function test_protocol2_2_a_list_of_the_parent_is_none_of_an_unregistered_subname() public view {
        Answer memory parent = answerV1();
        Answer memory a = answerFor(WEB_NAME, textCall(WEB, "oci-tag[v1]"), 1);
        expectText(a, V1_TEXT);
        a.signatures = parent.signatures;
        expectRefusal(a, IMooringResolver.BadSignature.selector);
    }

    function test_the_code_works_where_it_is_put_without_its_constructor() public {
        address elsewhere = address(0xe15e);
        vm.etch(elsewhere, address(resolver).code);
        resolver = MooringResolver(payable(elsewhere));
        vm.prank(alice);
        registry.setResolver(ACME, elsewhere);
        expectText(answerV1(), V1_TEXT);
        (bool ok, bytes memory answer) = resolveCall(ACME_NAME, textCall(ACME, "oci-registry"));
        assertTrue(ok);
        assertEq(abi.decode(answer, (bytes)), abi.encode(""));
    }

    function test_ERC165_and_ERC7996_say_what_is_answered() public view {
        bytes4[11] memory known = [
            bytes4(0x01ffc9a7), 0x9061b923, 0x582de3e7, 0x59d1d43c, 0xecbfada3, 0xbc1c58d1, 0x3b3b57de, 0xf1cb7e06,
            0x8a596ebe, 0x84b0196e, 0x01ffc9a7
        ];
        for (uint256 i = 0; i < known.length; ++i) assertTrue(resolver.supportsInterface(known[i]));
        assertTrue(!resolver.supportsInterface(0xffffffff) && !resolver.supportsInterface(0x8ef98a7e));
        assertTrue(resolver.supportsFeature(0x96b62db8) && !resolver.supportsFeature(0x12345678));
    }

    function test_ENSIP16_and_ERC5267() public view {
        (string[] memory urls, uint256 chain,) = resolver.metadata(ACME_NAME);
        assertEq(chain, 0);
        assertEq(bytes(urls[0]), "https://gateway.example");
        (bytes1 fields, string memory name, string memory version, uint256 chainId, address verifier,,) =
            resolver.eip712Domain();
        assertTrue(fields == 0x0f && chainId == block.chainid && verifier == address(resolver));
        assertEq(bytes(string.concat(name, version)), "Mooring1");
    }

    function lowerHex(address account) internal pure returns (string memory) {
        bytes memory text = "0x0000000000000000000000000000000000000000";
        for (uint256 i = 0; i < 40; ++i) {
            text[41 - i] = bytes("0123456789abcdef")[(uint160(account) >> (4 * i)) & 15];
        }
        return string(text);
    }
}
