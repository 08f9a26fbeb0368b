// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

interface INodeOwner {
    function owner(bytes32 node) external view returns (address);
    function setOwner(bytes32 node, address owner) external;
}

/// @notice Wrapped names for development chains and tests: who owns one, and what the real wrapper says in grace and after expiry.
/// The expiry of a .eth second-level name includes its 90 days of grace; 0 stands for a name that does not expire.
contract TestNameWrapper {
    error Unauthorised();

    struct Token {
        address owner;
        uint64 expiresAt;
        bool hasGrace;
    }

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
        _tokens[uint256(node)] = Token(owner, expiresAt, hasGrace);
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
