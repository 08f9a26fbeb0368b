// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IMooringResolver} from "../IMooringResolver.sol";
import {Ascii} from "./Ascii.sol";

/// @notice DNS-encoded names (ENSIP-10): read label by label, never joined and split again.
library DnsName {
    uint256 private constant MAX_ENCODED_BYTES = 255;
    uint256 private constant MAX_LABEL_BYTES = 63;
    uint256 private constant MAX_REPOSITORY_LABELS = 10;
    /// @dev Bit n stands for byte n: lower-case letters, digits and hyphen.
    uint256 private constant REPOSITORY_BYTES = 0x7fffffe0000000003ff200000000000;
    /// @dev Everything but NUL and dot.
    uint256 private constant WIRE_BYTES = ~uint256((1 << 0x2e) | 1);

    /// @notice The namehash of each suffix, the whole name's first, the top-level domain's last; empty for the root.
    /// With `repository` the name must be one by protocol 1; else any byte but a dot and a NUL may stand in a label: a Unicode name
    /// keeps its records.
    function nodesOf(bytes calldata name, bool repository) internal pure returns (bytes32[] memory nodes) {
        (bytes32[] memory labels, uint256 count) = _labelHashes(name, repository);
        require(!repository || (count >= 2 && count <= MAX_REPOSITORY_LABELS), IMooringResolver.InvalidName());
        nodes = new bytes32[](count);
        bytes32 node;
        for (uint256 i = count; i > 0;) {
            unchecked {
                --i;
            }
            node = Hashes.efficientKeccak256(node, labels[i]);
            nodes[i] = node;
        }
    }

    /// @notice The name in text, as a wallet shows it: labels with dots between.
    function toText(bytes calldata name) internal pure returns (bytes memory text) {
        if (name.length < 2) return text;
        text = abi.encodePacked(name[1:name.length - 1]);
        uint256 next = uint8(name[0]);
        while (next < text.length) {
            uint256 length = uint8(text[next]);
            text[next] = ".";
            unchecked {
                next += length + 1;
            }
        }
    }

    function _labelHashes(bytes calldata name, bool repository)
        private
        pure
        returns (bytes32[] memory hashes, uint256 count)
    {
        require(name.length > 0 && name.length <= MAX_ENCODED_BYTES, IMooringResolver.InvalidName());
        hashes = new bytes32[](name.length / 2);
        uint256 start;
        unchecked {
            for (uint256 length = uint8(name[0]); length != 0; length = uint8(name[start])) {
                uint256 end = start + 1 + length;
                require(length <= MAX_LABEL_BYTES && end < name.length, IMooringResolver.InvalidName());
                bytes calldata label = name[start + 1:end];
                bool allowed = repository ? _isRepositoryLabel(label) : Ascii.isOnly(label, WIRE_BYTES);
                require(allowed, IMooringResolver.InvalidName());
                hashes[count++] = keccak256(abi.encodePacked(label));
                start = end;
            }
        }
        require(start + 1 == name.length, IMooringResolver.InvalidName());
    }

    /// @dev Letters, digits and inner hyphens; what ENSIP-15 keeps for itself, hyphens in third and fourth place, is refused.
    function _isRepositoryLabel(bytes calldata label) private pure returns (bool) {
        uint256 front = uint256(bytes32(label));
        if (front >> 248 == 0x2d) return false;
        if ((front >> 224) & 0xffff == 0x2d2d) return false;
        if (label[label.length - 1] == "-") return false;
        return Ascii.isOnly(label, REPOSITORY_BYTES);
    }
}
