// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Hashes} from "@openzeppelin/contracts/utils/cryptography/Hashes.sol";
import {IMooringResolver} from "../IMooringResolver.sol";

/// @notice DNS-encoded names (ENSIP-10): read label by label, never joined and split again.
library DnsName {
    uint256 private constant MAX_ENCODED_BYTES = 255;
    uint256 private constant MAX_LABEL_BYTES = 63;
    uint256 private constant MAX_REPOSITORY_LABELS = 10;
    /// @dev Bit n is set when byte n is one of 0-9 a-z.
    uint256 private constant LETTERS_AND_DIGITS = 0x7fffffe0000000003ff000000000000;

    /// @notice The namehash of each suffix, the whole name's first, the top-level domain's last; empty for the root.
    /// Any byte but a dot and a NUL may stand in a label here: a Unicode name keeps its records.
    function nodesOf(bytes calldata name) internal pure returns (bytes32[] memory nodes) {
        (uint256[] memory starts, uint256 labels) = _labelStarts(name);
        nodes = new bytes32[](labels);
        bytes32 node;
        for (uint256 i = labels; i-- > 0;) {
            uint256 start = starts[i];
            bytes calldata label = name[start + 1:start + 1 + uint8(name[start])];
            node = Hashes.efficientKeccak256(node, keccak256(label));
            nodes[i] = node;
        }
    }

    /// @notice The repository grammar of protocol 1, for a name that is well-formed.
    function isRepository(bytes calldata name) internal pure returns (bool) {
        uint256 labels;
        for (uint256 start = 0; name[start] != 0; ++labels) {
            uint256 end = start + 1 + uint8(name[start]);
            if (!_isRepositoryLabel(name[start + 1:end])) return false;
            start = end;
        }
        return labels >= 2 && labels <= MAX_REPOSITORY_LABELS;
    }

    /// @notice The name in text, as a wallet shows it: labels with dots between.
    function toText(bytes calldata name) internal pure returns (bytes memory text) {
        if (name.length < 2) return text;
        text = name[1:name.length - 1];
        uint256 next = uint8(name[0]);
        while (next < text.length) {
            uint256 length = uint8(text[next]);
            text[next] = ".";
            next += length + 1;
        }
    }

    /// @notice The label at a position, the first being 0.
    function labelAt(bytes calldata name, uint256 position) internal pure returns (bytes calldata) {
        uint256 start;
        for (; position > 0; --position) {
            start += 1 + uint8(name[start]);
        }
        return name[start + 1:start + 1 + uint8(name[start])];
    }

    function _labelStarts(bytes calldata name) private pure returns (uint256[] memory starts, uint256 labels) {
        require(name.length > 0 && name.length <= MAX_ENCODED_BYTES, IMooringResolver.InvalidName());
        starts = new uint256[](name.length / 2);
        uint256 start;
        while (name[start] != 0) {
            uint256 end = start + 1 + uint8(name[start]);
            require(end < name.length && end <= start + 1 + MAX_LABEL_BYTES, IMooringResolver.InvalidName());
            for (uint256 i = start + 1; i < end; ++i) {
                require(name[i] != "." && name[i] != 0, IMooringResolver.InvalidName());
            }
            starts[labels++] = start;
            start = end;
        }
        require(start + 1 == name.length, IMooringResolver.InvalidName());
    }

    /// @dev Letters, digits and inner hyphens, and what ENSIP-15 keeps for itself refused: hyphens in third and fourth place.
    function _isRepositoryLabel(bytes calldata label) private pure returns (bool) {
        uint256 length = label.length;
        if (label[0] == "-" || label[length - 1] == "-") return false;
        if (length >= 4 && label[2] == "-" && label[3] == "-") return false;
        for (uint256 i = 0; i < length; ++i) {
            if ((LETTERS_AND_DIGITS >> uint8(label[i])) & 1 == 0 && label[i] != "-") return false;
        }
        return true;
    }
}
