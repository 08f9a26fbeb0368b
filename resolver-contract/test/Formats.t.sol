// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Proof} from "../src/IMooringResolver.sol";
import {DnsName} from "../src/lib/DnsName.sol";
import {Lookup} from "../src/lib/Lookup.sol";
import {TagEntry} from "../src/lib/TagEntry.sol";
import {TagTree} from "../src/lib/TagTree.sol";
import {Text} from "../src/lib/Text.sol";
import {Fixture} from "./Fixture.sol";
import {Entry, Slot, TagListBuilder} from "./TagListBuilder.sol";

/// @dev The libraries, callable so that a refusal can be seen.
contract Libraries {
    function nodesOf(bytes calldata name, bool repository) external pure returns (bytes32[] memory) {
        return DnsName.nodesOf(name, repository);
    }

    function toText(bytes calldata name) external pure returns (bytes memory) {
        return DnsName.toText(name);
    }

    function isTag(bytes calldata tag) external pure returns (bool) {
        return Lookup.isTag(tag);
    }

    function isPresent(Proof calldata proof, bytes calldata tag, uint256 count, bytes32 root) external view returns (bool) {
        return this.isPresentIn(abi.encode(proof.key, proof.nextKey, proof.value, proof.path), tag, count, root);
    }

    function isPresentIn(bytes calldata proof, bytes calldata tag, uint256 count, bytes32 root)
        external
        pure
        returns (bool present)
    {
        (present,) = TagTree.read(proof, tag, count, root);
    }

    function compare(bytes calldata key, bytes calldata tag) external pure returns (int256) {
        return TagTree.compareWithTag(key, tag);
    }

    function readEntry(bytes calldata value, uint256 version) external pure returns (bool present) {
        (present,,,) = TagEntry.read(value, version);
    }

    function toHex(bytes32 word) external pure returns (bytes memory) {
        (bytes32 high, bytes32 low) = Text.toHex(word);
        return bytes.concat(high, low);
    }
}

contract FormatsTest is Fixture {
    Libraries internal libraries;

    function setUp() public override {
        libraries = new Libraries();
    }

    function isName(bytes memory name, bool repository) internal view returns (bool) {
        try libraries.nodesOf(name, repository) {
            return true;
        } catch {
            return false;
        }
    }

    function oneLabel(bytes memory label) internal pure returns (bytes memory) {
        return bytes.concat(bytes1(uint8(label.length)), label, "\x03eth\x00");
    }

    /// @dev Grammar of one label by the book, byte by byte.
    function isRepositoryLabel(bytes memory label) internal pure returns (bool) {
        if (label.length == 0 || label.length > 63) return false;
        for (uint256 i = 0; i < label.length; ++i) {
            bytes1 c = label[i];
            bool inner = i > 0 && i + 1 < label.length;
            bool known = (c >= "a" && c <= "z") || (c >= "0" && c <= "9") || (c == "-" && inner);
            if (!known) return false;
        }
        return label.length < 4 || label[2] != "-" || label[3] != "-";
    }

    function testFuzz_protocol1_label_grammar(bytes memory label) public view {
        vm.assume(label.length > 0 && label.length < 64);
        assertTrue(isName(oneLabel(label), true) == isRepositoryLabel(label));
    }

    function testFuzz_protocol1_label_grammar_near_the_alphabet(uint256 seed, uint8 length) public view {
        bytes memory label = new bytes(1 + length % 63);
        for (uint256 i = 0; i < label.length; ++i) {
            label[i] = bytes("abz09--._A")[uint256(keccak256(abi.encode(seed, i))) % (seed % 4 == 0 ? 10 : 7)];
        }
        assertTrue(isName(oneLabel(label), true) == isRepositoryLabel(label));
    }

    function testFuzz_EIP137_namehash_and_text(uint256 seed, uint8 count) public view {
        bytes memory name = hex"00";
        for (uint256 i = 0; i < 2 + count % 9; ++i) {
            bytes memory label = new bytes(1 + uint256(keccak256(abi.encode(seed, i))) % 20);
            for (uint256 j = 0; j < label.length; ++j) label[j] = bytes1(uint8(0x61 + (seed >> j) % 26));
            name = bytes.concat(bytes1(uint8(label.length)), label, name);
        }
        bytes32[] memory nodes = libraries.nodesOf(name, true);
        assertEq(nodes.length, 2 + count % 9);
        assertTrue(nodes[0] == nodeOf(name));
        assertEq(libraries.toText(name), textOf(name));
        assertEq(libraries.toText(hex"00"), "");
    }

    function testFuzz_row1_bytes_that_are_no_name_are_refused(bytes memory name) public view {
        if (!isName(name, false)) return;
        assertTrue(libraries.nodesOf(name, false).length == 0 || libraries.nodesOf(name, false)[0] == nodeOf(name));
        assertTrue(name[name.length - 1] == 0);
    }

    function testFuzz_protocol1_tag_grammar(bytes memory tag) public view {
        bool good = tag.length > 0 && tag.length <= 128;
        for (uint256 i = 0; i < tag.length; ++i) {
            bytes1 c = tag[i];
            bool word = (c >= "a" && c <= "z") || (c >= "A" && c <= "Z") || (c >= "0" && c <= "9") || c == "_";
            good = good && (word || (i > 0 && (c == "." || c == "-")));
        }
        assertTrue(libraries.isTag(tag) == good);
    }

    function test_protocol1_tags_of_1_and_128_characters_and_not_129() public view {
        bytes memory tag = new bytes(129);
        for (uint256 i = 0; i < 129; ++i) tag[i] = "z";
        assertTrue(libraries.isTag("_") && libraries.isTag("A.b-9_") && libraries.isTag(slice(tag, 0, 128)));
        assertTrue(!libraries.isTag(tag) && !libraries.isTag("") && !libraries.isTag(".a") && !libraries.isTag("-a"));
    }

    function testFuzz_protocol2_1_every_slot_proves_its_tag_and_its_gap(uint8 count, uint8 position, uint256 seed) public view {
        Slot[] memory list = someList(1 + count % 33, seed);
        position = uint8(position % list.length);
        bytes32 root = TagListBuilder.root(list);
        Proof memory proof = TagListBuilder.proof(list, position);
        bytes memory tag = position == 0 ? bytes("") : slice(proof.key, 1, proof.key.length);
        if (position > 0) assertTrue(libraries.isPresent(proof, tag, list.length, root));
        assertTrue(!libraries.isPresent(proof, bytes.concat(tag, "!"), list.length, root));
    }

    function testFuzz_row8_a_flipped_bit_anywhere_breaks_a_proof(uint8 count, uint256 seed, uint256 flip) public view {
        Slot[] memory list = someList(1 + count % 17, seed);
        bytes32 root = TagListBuilder.root(list);
        Proof memory proof = TagListBuilder.proof(list, 1);
        bytes memory tag = slice(proof.key, 1, proof.key.length);
        assertTrue(libraries.isPresent(proof, tag, list.length, root));
        if (flip % 3 == 0) proof.value[flip % proof.value.length] ^= bytes1(uint8(1 << (flip >> 200) % 8));
        else if (flip % 3 == 1) proof.key[flip % proof.key.length] ^= bytes1(uint8(1 << (flip >> 200) % 8));
        else proof.path[flip % proof.path.length] ^= bytes32(1 << (flip >> 200) % 256);
        try libraries.isPresent(proof, tag, list.length, root) {
            revert("accepted");
        } catch {}
    }

    function test_row8_count_and_path_fit_each_other_exactly() public view {
        Slot[] memory list = someList(4, 1);
        bytes32 root = TagListBuilder.root(list);
        Proof memory proof = TagListBuilder.proof(list, 1);
        bytes memory tag = slice(proof.key, 1, proof.key.length);
        uint256[5] memory counts = [uint256(0), 4, 9, 1 << 20, type(uint256).max];
        assertTrue(libraries.isPresent(proof, tag, 5, root) && libraries.isPresent(proof, tag, 8, root));
        for (uint256 i = 0; i < counts.length; ++i) {
            try libraries.isPresent(proof, tag, counts[i], root) {
                revert("accepted");
            } catch {}
        }
    }

    function testFuzz_protocol2_1_keys_compare_as_raw_bytes(bytes memory a, bytes memory b) public view {
        int256 order = libraries.compare(bytes.concat("\x01", a), b);
        uint256 i;
        while (i < a.length && i < b.length && a[i] == b[i]) ++i;
        int256 wanted = i == a.length ? (i == b.length ? int256(0) : -1) : (i == b.length || a[i] > b[i] ? int256(1) : -1);
        assertTrue(order == wanted);
    }

    function test_protocol2_1_of_two_keys_that_begin_alike_the_shorter_is_first() public view {
        bytes memory tag = bytes("abcdefghijklmnopqrstuvwxyz012345");
        assertTrue(libraries.compare(bytes.concat("\x01", tag), bytes.concat(tag, "x")) < 0);
        assertTrue(libraries.compare(bytes.concat("\x01", tag, "x"), tag) > 0);
        assertTrue(libraries.compare(bytes.concat("\x01", tag, hex"00"), tag) > 0);
        assertTrue(libraries.compare(bytes.concat("\x01", tag, tag), bytes.concat(tag, tag)) == 0);
    }

    function test_row8_entries_outside_their_limits_are_refused() public view {
        Entry memory good = TagListBuilder.entry(0);
        assertTrue(libraries.readEntry(TagListBuilder.encode(good), 1));
        Entry memory e = TagListBuilder.entry(0);
        e.flags = 1;
        assertTrue(libraries.readEntry(TagListBuilder.encode(e), 1));
        e.flags = 3;
        assertTrue(!libraries.readEntry(TagListBuilder.encode(e), 1));
        e.flags = 2;
        refuseEntry(e, 1);
        e.flags = 4;
        refuseEntry(e, 1);
        e = TagListBuilder.entry(0);
        e.updatedVersion = 0;
        refuseEntry(e, 1);
        e.updatedVersion = 2;
        refuseEntry(e, 1);
        e = TagListBuilder.entry(0);
        e.size = 0;
        refuseEntry(e, 1);
        e.size = 4_194_305;
        refuseEntry(e, 1);
        e = TagListBuilder.entry(0);
        e.algorithm = 3;
        refuseEntry(e, 1);
    }

    function testFuzz_row8_media_types_are_1_to_255_printable_bytes(bytes memory mediaType) public view {
        Entry memory e = TagListBuilder.entry(0);
        e.mediaType = mediaType;
        bool good = mediaType.length > 0 && mediaType.length <= 255;
        for (uint256 i = 0; i < mediaType.length; ++i) good = good && mediaType[i] > 0x20 && mediaType[i] < 0x7f;
        if (good) assertTrue(libraries.readEntry(TagListBuilder.encode(e), 1));
        else refuseEntry(e, 1);
    }

    function testFuzz_row8_one_bad_byte_in_a_media_type(uint8 length, uint8 position, bytes1 c) public view {
        Entry memory e = TagListBuilder.entry(0);
        e.mediaType = new bytes(1 + uint256(length) % 255);
        for (uint256 i = 0; i < e.mediaType.length; ++i) e.mediaType[i] = "a";
        e.mediaType[position % e.mediaType.length] = c;
        if (c > 0x20 && c < 0x7f) assertTrue(libraries.readEntry(TagListBuilder.encode(e), 1));
        else refuseEntry(e, 1);
    }

    function testFuzz_hex_is_lower_case_and_whole(bytes32 word) public view {
        bytes memory text = libraries.toHex(word);
        assertEq(text.length, 64);
        for (uint256 i = 0; i < 64; ++i) {
            assertTrue(text[i] == bytes("0123456789abcdef")[(uint256(word) >> (252 - 4 * i)) & 15]);
        }
    }

    function refuseEntry(Entry memory e, uint256 version) internal view {
        try libraries.readEntry(TagListBuilder.encode(e), version) {
            revert("accepted");
        } catch {}
    }

    /// @dev Tags `t` and four letters, ascending.
    function someList(uint256 count, uint256 seed) internal pure returns (Slot[] memory) {
        string[] memory tags = new string[](count);
        bytes[] memory values = new bytes[](count);
        for (uint256 i = 0; i < count; ++i) {
            tags[i] = string(abi.encodePacked("t", bytes1(uint8(0x61 + i / 26)), bytes1(uint8(0x61 + i % 26))));
            values[i] = TagListBuilder.encode(TagListBuilder.entry(keccak256(abi.encode(seed, i))));
        }
        return TagListBuilder.slots(tags, values);
    }
}
