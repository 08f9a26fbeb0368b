// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver, Policy, Proof, SignerSignature} from "../src/IMooringResolver.sol";
import {Answer, Fixture, IGetters} from "./Fixture.sol";
import {Entry, TagListBuilder} from "./TagListBuilder.sol";

/// @dev A resolver that knows ENSIP-24 and says which keys it holds.
contract DataFallback {
    function supportedDataKeys(bytes32) external pure returns (string[] memory keys) {
        keys = new string[](1);
        keys[0] = "context";
    }

    function data(bytes32, string calldata key) external pure returns (bytes memory) {
        return bytes(key);
    }
}

interface ISupportedDataKeys {
    function supportedDataKeys(bytes32 node) external view returns (string[] memory);
}

/// @notice Rules whose edge no other test stands on.
contract EdgesTest is Fixture {
    function resolveCall(bytes memory name, bytes memory data) internal view returns (bool ok, bytes memory answer) {
        return address(resolver).staticcall(abi.encodeCall(IMooringResolver.resolve, (name, data)));
    }

    function expectError(bytes memory name, bytes memory data, bytes4 reason) internal view {
        (bool ok, bytes memory answer) = resolveCall(name, data);
        assertTrue(!ok);
        assertEq(answer, abi.encodePacked(reason));
    }

    /// @dev Alice's list anchored at version 1: no signature counts for it.
    function anchored() internal returns (Answer memory a) {
        a = answerV1();
        vm.prank(alice);
        resolver.anchor(ACME_NAME, 1, listHash(a));
    }

    function signatures(uint256 count, uint256 length) internal pure returns (SignerSignature[] memory made) {
        made = new SignerSignature[](count);
        for (uint256 i = 0; i < count; ++i) {
            made[i] = SignerSignature(address(1), new bytes(length));
        }
    }

    function test_row0_limits_of_signatures_hold_under_an_anchored_list_too() public {
        Answer memory a = anchored();
        a.signatures = signatures(8, 8192);
        expectText(a, V1_TEXT);
        a.signatures = signatures(9, 1);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
        a.signatures = signatures(1, 8193);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
    }

    function test_row0_a_timestamp_that_no_policy_asks_for_is_ignored_within_its_limit() public view {
        Answer memory a = answerV1();
        a.timestamp.signature = new bytes(8192);
        expectText(a, V1_TEXT);
        a.timestamp.signature = new bytes(8193);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
    }

    function test_row0_a_response_of_more_than_128_KiB_is_refused() public view {
        Answer memory a = answerV1();
        bytes memory response = encoded(a);
        assertEq(resolver.resolveCallback(bytes.concat(response, new bytes(131_072 - response.length)), extraData(a)), abi.encode(V1_TEXT));
        expectRefusal(bytes.concat(response, new bytes(131_073 - response.length)), extraData(a), IMooringResolver.BadResponse.selector);
    }

    function test_row0_extraData_of_another_call_is_refused() public view {
        Answer memory a = answerV1();
        bytes memory other = abi.encode(abi.encodeCall(IMooringResolver.fallbackOf, (a.name)), address(resolver));
        expectText(a, V1_TEXT);
        expectRefusal(encoded(a), other, IMooringResolver.BadResponse.selector);
    }

    function test_row0_keys_of_more_than_129_bytes_and_paths_of_more_than_20_hashes_are_refused() public view {
        Answer memory a = answerV1();
        expectText(a, V1_TEXT);
        a.proofs[0].key = new bytes(130);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
        a = answerV1();
        a.proofs[0].nextKey = new bytes(130);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
        a = answerV1();
        a.proofs[0].path = new bytes32[](21);
        expectRefusal(a, IMooringResolver.BadResponse.selector);
    }

    function test_row1_a_call_too_short_for_a_node_is_no_call_for_this_name() public view {
        (bool ok,) = resolveCall(ACME_NAME, abi.encodeWithSelector(IGetters.addr.selector, ACME));
        assertTrue(ok);
        expectError(ACME_NAME, abi.encodePacked(IGetters.addr.selector, bytes31(ACME)), IMooringResolver.NodeMismatch.selector);
        expectError(ACME_NAME, "", IMooringResolver.NodeMismatch.selector);
    }

    function test_row1_a_key_that_begins_like_ours_holds_a_tag_or_is_refused() public view {
        expectText(answerV1(), V1_TEXT);
        string[4] memory keys = ["oci-tag[]", "oci-tag[v1", "oci-tag[.v1]", "oci-tag[v 1]"];
        for (uint256 i = 0; i < keys.length; ++i) {
            expectError(ACME_NAME, textCall(ACME, keys[i]), IMooringResolver.InvalidTag.selector);
        }
    }

    function test_row2_the_root_is_well_formed_and_nobodys() public view {
        (address owner, bytes32 authority, Policy memory policy) = resolver.policyOf(hex"00");
        assertTrue(owner == address(0) && authority == 0 && policy.publishers.length == 0);
        expectError(hex"00", textCall(0, "oci-root"), IMooringResolver.UnreachableName.selector);
    }

    function test_protocol2_1_a_tombstone_reads_as_absent() public {
        Entry memory buried = TagListBuilder.entry(bytes32(uint256(1)));
        buried.flags = 1;
        slots[1].value = TagListBuilder.encode(buried);
        assertTrue(keccak256(ask(answerV1())) != keccak256(abi.encode("")));
        buried.flags = 3;
        slots[1].value = TagListBuilder.encode(buried);
        assertEq(ask(answerV1()), abi.encode(""));
    }

    /// @dev Slots of other kinds may stand around the tags, once they exist; a tag's absence is proved by them as well.
    function test_protocol2_1_keys_of_other_kinds_stand_before_or_behind_all_tags() public {
        slots[3].nextKey = hex"02ff";
        expectText(answerFor(ACME_NAME, textCall(ACME, "oci-tag[v9]"), 3), "");
        slots[0].key = hex"00ff";
        expectText(answerFor(ACME_NAME, textCall(ACME, "oci-tag[a]"), 0), "");
        slots[0].key = hex"02";
        expectRefusal(answerFor(ACME_NAME, textCall(ACME, "oci-tag[a]"), 0), IMooringResolver.BadProof.selector);
    }

    function test_protocol2_2_the_zero_key_relays_no_revocation() public {
        vm.expectRevert(abi.encodePacked(IMooringResolver.BadSignature.selector));
        resolver.revokeBySignature(ACME_NAME, address(0), new bytes(65));
        vm.expectRevert(abi.encodePacked(IMooringResolver.NoOwner.selector));
        resolver.revokeBySignature("\x06nobody\x03eth\x00", bob, new bytes(65));
        vm.expectRevert(abi.encodePacked(IMooringResolver.BadSignature.selector));
        resolver.revokeBySignature(ACME_NAME, bob, new bytes(8193));
    }

    function test_protocol3_the_owner_named_as_the_only_publisher_reads_as_set_and_signs() public {
        address[] memory publishers = new address[](1);
        publishers[0] = alice;
        vm.prank(alice);
        resolver.setPolicy(ACME_NAME, Policy(publishers, 1, bob, 1 days));
        (, , Policy memory policy) = resolver.policyOf(ACME_NAME);
        assertTrue(policy.publishers.length == 1 && policy.publishers[0] == alice && policy.threshold == 1);
        assertTrue(policy.timestamper == bob && policy.maxAge == 1 days);
        Answer memory a = answerV1();
        stamp(a, BOB_KEY, NOW);
        expectText(a, V1_TEXT);
        sign(a, BOB_KEY);
        expectRefusal(a, IMooringResolver.NotPublisher.selector);
    }

    function test_protocol3_at_most_8_gateways() public {
        string[] memory urls = new string[](9);
        for (uint256 i = 0; i < 9; ++i) urls[i] = "https://a.example";
        vm.prank(alice);
        vm.expectRevert(abi.encodePacked(IMooringResolver.InvalidGateway.selector));
        resolver.setGateways(ACME_NAME, urls);
        assertEq(resolver.gatewaysOf(ACME_NAME).length, 1);
    }

    /// @dev Tags are without bound and stand in no such list; what else the name stores as data, its fallback knows.
    function test_ENSIP24_supportedDataKeys_and_other_data_come_from_the_fallback() public {
        bytes memory call = abi.encodeCall(ISupportedDataKeys.supportedDataKeys, (ACME));
        (bool ok, bytes memory answer) = resolveCall(ACME_NAME, call);
        assertTrue(!ok);
        assertEq(answer, abi.encodeWithSelector(IMooringResolver.UnsupportedResolverProfile.selector, bytes4(0x29fb1892)));
        DataFallback other = new DataFallback();
        vm.prank(alice);
        resolver.setFallback(ACME_NAME, address(other));
        string[] memory direct = ISupportedDataKeys(address(resolver)).supportedDataKeys(ACME);
        assertTrue(direct.length == 1);
        assertEq(bytes(direct[0]), "context");
        assertEq(resolver.resolve(ACME_NAME, call), abi.encode(direct));
        assertEq(resolver.resolve(ACME_NAME, abi.encodeCall(IGetters.data, (ACME, "oci-root"))), abi.encode(bytes("oci-root")));
    }

    function test_protocol4_a_multicall_without_OCI_records_needs_no_gateway() public {
        vm.prank(alice);
        publicResolver.setAddr(ACME, bob);
        vm.prank(alice);
        publicResolver.setText(ACME, "avatar", "ipfs://picture");
        bytes[] memory calls = new bytes[](4);
        calls[0] = abi.encodeCall(IGetters.addr, (ACME));
        calls[1] = textCall(ACME, "avatar");
        calls[2] = abi.encodeCall(IGetters.contenthash, (ACME));
        calls[3] = textCall(ACME, "oci-registry");
        bytes[] memory records =
            abi.decode(resolver.resolve(ACME_NAME, abi.encodeCall(IGetters.multicall, (calls))), (bytes[]));
        assertEq(records[0], abi.encode(bob));
        assertEq(records[1], abi.encode("ipfs://picture"));
        assertEq(records[2], abi.encode(""));
        assertEq(records[3], abi.encode("https://gateway.example"));
    }

    function test_protocol4_legacy_getters_need_a_node() public view {
        assertEq(IGetters(address(resolver)).addr(ACME), address(0));
        (bool ok, bytes memory answer) = address(resolver).staticcall(abi.encodePacked(IGetters.addr.selector, bytes31(0)));
        assertTrue(!ok);
        assertEq(answer, abi.encodeWithSelector(IMooringResolver.UnsupportedResolverProfile.selector, IGetters.addr.selector));
    }
}
