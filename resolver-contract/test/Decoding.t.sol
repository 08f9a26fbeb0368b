// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {IMooringResolver} from "../src/IMooringResolver.sol";
import {Answer, Fixture, IGetters} from "./Fixture.sol";

/// @notice Row 0 under fuzzing: whatever is done to the bytes of a good answer, it is refused or the answer stays what it was.
contract DecodingTest is Fixture {
    function judge(Answer memory a, bytes memory response, bytes memory extra, bytes memory wanted) internal view {
        try resolver.resolveCallback(response, extra) returns (bytes memory got) {
            assertEq(got, wanted);
        } catch {}
        assertEq(ask(a), wanted);
    }

    function good(uint256 kind) internal view returns (Answer memory) {
        if (kind % 3 == 0) return answerV1();
        if (kind % 3 == 1) return answerFor(ACME_NAME, abi.encodeCall(IGetters.data, (ACME, "oci-tag[v2]")), 2);
        return answerFor(ACME_NAME, textCall(ACME, "oci-tag[v11]"), 1);
    }

    function testFuzz_row0_a_changed_byte_of_the_response_never_changes_the_answer(uint256 at, uint8 by, uint256 kind) public view {
        Answer memory a = good(kind);
        bytes memory response = encoded(a);
        response[at % response.length] ^= bytes1(by);
        judge(a, response, extraData(a), ask(a));
    }

    function testFuzz_row0_a_changed_word_of_the_response_never_changes_the_answer(uint256 at, uint256 word, uint256 kind) public view {
        Answer memory a = good(kind);
        bytes memory response = encoded(a);
        if (word % 4 != 0) word %= 2 * response.length;
        response = replaced(response, at % (response.length / 32), word);
        judge(a, response, extraData(a), ask(a));
    }

    function testFuzz_row0_a_cut_or_lengthened_response_never_changes_the_answer(uint256 length, uint256 kind) public view {
        Answer memory a = good(kind);
        bytes memory response = bytes.concat(encoded(a), new bytes(64));
        judge(a, slice(response, 0, length % (response.length + 1)), extraData(a), ask(a));
    }

    /// @dev What is asked changes with the bytes of extraData: then the answer may only be another record that this list proves.
    function testFuzz_row0_a_changed_word_of_extraData_reads_nothing_that_was_not_signed(uint256 at, uint256 word) public view {
        Answer memory a = answerV1();
        bytes memory extra = extraData(a);
        if (word % 4 != 0) word %= 2 * extra.length;
        extra = replaced(extra, at % (extra.length / 32), word);
        try resolver.resolveCallback(encoded(a), extra) returns (bytes memory got) {
            bool same = keccak256(got) == keccak256(abi.encode(V1_TEXT));
            assertTrue(same || keccak256(got) == keccak256(abi.encode("")));
        } catch {}
    }

    function testFuzz_row0_noise_is_refused(bytes memory response, bytes memory extra) public view {
        Answer memory a = answerV1();
        expectText(a, V1_TEXT);
        try resolver.resolveCallback(response, extraData(a)) {
            revert("accepted");
        } catch {}
        try resolver.resolveCallback(encoded(a), extra) {
            revert("accepted");
        } catch {}
    }

    function testFuzz_row1_calls_of_noise_are_answered_or_refused_and_never_asked_of_a_gateway(bytes memory data) public view {
        (bool ok, bytes memory answer) =
            address(resolver).staticcall(abi.encodeCall(IMooringResolver.resolve, (ACME_NAME, data)));
        assertTrue(ok || bytes4(answer) != IMooringResolver.OffchainLookup.selector);
    }

    function replaced(bytes memory from, uint256 word, uint256 with) internal pure returns (bytes memory) {
        return bytes.concat(slice(from, 0, 32 * word), bytes32(with), slice(from, 32 * word + 32, from.length));
    }
}
