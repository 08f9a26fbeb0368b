// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Reads ABI-encoded bytes where they lie in calldata: nothing is copied and nothing is decoded that no check asks for.
/// `data` is always the start of a tuple, positions count words from there and are small. Every read is a slice, so what points
/// outside reverts; a length near 2^256 wraps to an end before its start, which a slice refuses too.
library AbiReader {
    /// @notice The word at a position, the first being 0.
    function word(bytes calldata data, uint256 position) internal pure returns (bytes32) {
        unchecked {
            return bytes32(data[32 * position:32 * position + 32]);
        }
    }

    function number(bytes calldata data, uint256 position) internal pure returns (uint256) {
        return uint256(word(data, position));
    }

    /// @notice What the offset at a position points to.
    function tail(bytes calldata data, uint256 position) internal pure returns (bytes calldata) {
        return data[number(data, position):];
    }

    /// @notice The `bytes` or `string` whose offset stands at a position.
    function blob(bytes calldata data, uint256 position) internal pure returns (bytes calldata) {
        bytes calldata encoded = tail(data, position);
        unchecked {
            return encoded[32:32 + number(encoded, 0)];
        }
    }
}
