// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

/// @notice Who owns a name and which resolver answers for it: the one place that knows a generation of ENS. Immutable.
interface IOwnership {
    /// @notice Walks from the name upwards.
    /// @param name DNS-encoded and well-formed
    /// @param nodes namehash of each suffix, the whole name's first, the top-level domain's last
    /// @return resolver the first non-zero resolver on the path, zero for none
    /// @return authority the deepest suffix of two or more labels that has an owner, zero for none
    /// @return owner its owner, zero for none
    function authorityOf(bytes calldata name, bytes32[] calldata nodes)
        external
        view
        returns (address resolver, bytes32 authority, address owner);

    /// @notice Owner of exactly this node, for getters that know no name; it may be past its expiry.
    function ownerOf(bytes32 node) external view returns (address);

    /// @notice Whether the owner of this node lets `operator` act for all that it owns.
    function isOperator(bytes32 node, address owner, address operator) external view returns (bool);
}
