// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

interface ISubnodeOwner {
    function setSubnodeOwner(bytes32 node, bytes32 label, address owner) external;
}

/// @notice A registrar of .eth second-level names for development chains and tests: free, and with the expiry and grace of the
/// real one. It must own the node of `eth`.
contract TestRegistrar {
    error NotAvailable();
    error Expired();

    bytes32 public constant baseNode = 0x93cdeb708b7545dc668eb9280176169d1c33cfd8ed6f04690a0bcc88a93fc4ae;
    uint256 public constant GRACE_PERIOD = 90 days;

    address public immutable ensRegistry;
    mapping(uint256 id => uint256) private _expiries;
    mapping(uint256 id => address) private _registrants;

    constructor(address ensRegistry_) {
        ensRegistry = ensRegistry_;
    }

    /// @notice Gives `label`.eth to `owner` until `expiresAt` (unix seconds), when nobody has it.
    function register(string calldata label, address owner, uint256 expiresAt) external {
        bytes32 id = keccak256(bytes(label));
        require(available(uint256(id)), NotAvailable());
        _expiries[uint256(id)] = expiresAt;
        _registrants[uint256(id)] = owner;
        ISubnodeOwner(ensRegistry).setSubnodeOwner(baseNode, id, owner);
    }

    /// @notice Anyone may renew a name that has not lapsed.
    function renew(string calldata label, uint256 expiresAt) external {
        uint256 id = uint256(keccak256(bytes(label)));
        require(!available(id), NotAvailable());
        _expiries[id] = expiresAt;
    }

    /// @notice Expiry of a label's hash, 0 for never registered. The registry keeps its owner past it.
    function nameExpires(uint256 id) external view returns (uint256) {
        return _expiries[id];
    }

    /// @notice Who registered it, and may take the registry's ownership back with `reclaim`; not once it has expired.
    function ownerOf(uint256 id) external view returns (address) {
        require(_expiries[id] > block.timestamp, Expired());
        return _registrants[id];
    }

    /// @notice The ENS registry, by the real registrar's name for it.
    function ens() external view returns (address) {
        return ensRegistry;
    }

    function available(uint256 id) public view returns (bool) {
        return _expiries[id] + GRACE_PERIOD < block.timestamp;
    }
}
