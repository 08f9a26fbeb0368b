// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

interface INodeOwner {
    function owner(bytes32 node) external view returns (address);
    function setOwner(bytes32 node, address owner) external;
    function setResolver(bytes32 node, address resolver) external;
}

/// @notice Wrapped names for development chains and tests: who owns one, and what the real wrapper says in grace and after expiry.
/// The expiry of a .eth second-level name includes its 90 days of grace; 0 stands for a name that does not expire.
contract TestNameWrapper {
    error Unauthorised();
    error OperationProhibited(bytes32 node);

    struct Token {
        address owner;
        uint64 expiresAt;
        bool hasGrace;
        uint32 fuses;
    }

    uint32 private constant CANNOT_SET_RESOLVER = 8;
    uint256 private constant GRACE_PERIOD = 90 days;

    address public immutable ensRegistry;
    mapping(uint256 id => Token) private _tokens;
    mapping(address owner => mapping(address operator => bool)) public isApprovedForAll;

    constructor(address ensRegistry_) {
        ensRegistry = ensRegistry_;
    }

    /// @notice Takes a name over from its registry owner, who has made this contract an operator there.
    function wrap(bytes32 node, address owner, uint64 expiresAt, bool hasGrace) external {
        require(INodeOwner(ensRegistry).owner(node) == msg.sender, Unauthorised());
        INodeOwner(ensRegistry).setOwner(node, address(this));
        _tokens[uint256(node)] = Token(owner, expiresAt, hasGrace, 0);
    }

    function unwrap(bytes32 node, address owner) external {
        require(canModifyName(node, msg.sender), Unauthorised());
        delete _tokens[uint256(node)];
        INodeOwner(ensRegistry).setOwner(node, owner);
    }

    function transfer(bytes32 node, address to) external {
        require(canModifyName(node, msg.sender), Unauthorised());
        _tokens[uint256(node)].owner = to;
    }

    function setApprovalForAll(address operator, bool approved) external {
        isApprovedForAll[msg.sender][operator] = approved;
    }

    /// @notice Burns fuses without asking whether parent or owner may: the bits are the real wrapper's.
    function burn(bytes32 node, uint32 fuses) external {
        require(canModifyName(node, msg.sender), Unauthorised());
        _tokens[uint256(node)].fuses |= fuses;
    }

    function setResolver(bytes32 node, address resolver) external {
        require(canModifyName(node, msg.sender), Unauthorised());
        require(_tokens[uint256(node)].fuses & CANNOT_SET_RESOLVER == 0, OperationProhibited(node));
        INodeOwner(ensRegistry).setResolver(node, resolver);
    }

    /// @notice The ENS registry, by the real wrapper's name for it.
    function ens() external view returns (address) {
        return ensRegistry;
    }

    /// @notice Fuses are gone once the name has expired.
    function getData(uint256 id) external view returns (address owner, uint32 fuses, uint64 expiresAt) {
        Token storage token = _tokens[id];
        owner = ownerOf(id);
        return (owner, owner == address(0) ? 0 : token.fuses, token.expiresAt);
    }

    /// @notice The owner, in grace too; zero once the name has expired.
    function ownerOf(uint256 id) public view returns (address) {
        Token storage token = _tokens[id];
        return token.expiresAt != 0 && token.expiresAt < block.timestamp ? address(0) : token.owner;
    }

    /// @notice Owner or operator, and not in grace.
    function canModifyName(bytes32 node, address account) public view returns (bool) {
        Token storage token = _tokens[uint256(node)];
        address owner = ownerOf(uint256(node));
        bool inGrace = token.hasGrace && block.timestamp + GRACE_PERIOD > token.expiresAt;
        return owner != address(0) && (account == owner || isApprovedForAll[owner][account]) && !inGrace;
    }
}
