// SPDX-License-Identifier: MIT
pragma solidity ^0.8.30;

import {Policy} from "../src/IMooringResolver.sol";
import {Answer, Fixture} from "./Fixture.sol";

/// @dev What one owner set for one authority, as the model remembers it.
struct Wish {
    address publisher; // zero for none set
    address fallbackResolver;
    string gateway;
}

/// @notice Four actors who try everything on three names, allowed or not, while names change hands; beside the contract it keeps a
/// model of what must hold.
contract Actors is Fixture {
    bytes internal constant OTHER_NAME = "\x05other\x03eth\x00";
    bytes32 internal constant OTHER = keccak256(abi.encodePacked(ETH, keccak256("other")));

    uint256 public attempts;
    uint256 public successes;
    string public broken;
    uint256[4] internal keys = [ALICE_KEY, BOB_KEY, 0xca401, 0xda7e];
    mapping(address owner => mapping(bytes32 authority => Wish)) internal wishes;
    mapping(address owner => mapping(bytes32 authority => mapping(address key => bool))) public revoked;
    mapping(bytes32 node => uint64) internal lastEpoch;
    mapping(address owner => mapping(bytes32 node => mapping(uint64 epoch => uint64))) internal lastFloor;

    function setUp() public override {
        super.setUp();
        registrar.register("other", bob, NOW + 365 days);
        vm.prank(bob);
        registry.setResolver(OTHER, address(resolver));
        for (uint256 i = 0; i < 4; ++i) {
            vm.prank(vm.addr(keys[i]));
            registry.setApprovalForAll(address(wrapper), true);
        }
    }

    // What the actors do.

    function setPolicy(uint256 who, uint256 which, uint256 publisher) external {
        address[] memory publishers = new address[](publisher % 5 == 4 ? 0 : 1);
        if (publishers.length == 1) publishers[0] = vm.addr(keys[publisher % 5]);
        Policy memory policy = Policy(publishers, uint8(publishers.length), address(0), 0);
        if (_try(who, which, abi.encodeCall(resolver.setPolicy, (_name(which), policy)))) {
            _wish(which).publisher = publishers.length == 0 ? address(0) : publishers[0];
        }
    }

    function setFallback(uint256 who, uint256 which, uint160 other) external {
        if (_try(who, which, abi.encodeCall(resolver.setFallback, (_name(which), address(other))))) {
            _wish(which).fallbackResolver = address(other);
        }
    }

    function setGateways(uint256 who, uint256 which, uint8 letter) external {
        string[] memory urls = new string[](letter % 3 == 0 ? 0 : 1);
        if (urls.length == 1) urls[0] = string(abi.encodePacked("https://", bytes1(uint8(0x61 + letter % 26)), ".example"));
        if (_try(who, which, abi.encodeCall(resolver.setGateways, (_name(which), urls)))) {
            _wish(which).gateway = urls.length == 0 ? "" : urls[0];
        }
    }

    function reset(uint256 who, uint256 which) external {
        _try(who, which, abi.encodeCall(resolver.reset, (_name(which))));
    }

    function anchor(uint256 who, uint256 which, uint64 version, uint256 hash) external {
        uint64 v = 1 + version % 100;
        _try(who, which, abi.encodeCall(resolver.anchor, (_name(which), v, bytes32(hash % 3))));
    }

    function revoke(uint256 who, uint256 which, uint256 key) external {
        if (_try(who, which, abi.encodeCall(resolver.revoke, (_name(which), vm.addr(keys[key % 4]))))) {
            _noteRevoked(which, vm.addr(keys[key % 4]));
        }
    }

    /// @dev Anyone may send it; the key itself signed.
    function relayRevocation(uint256 which, uint256 key) external {
        (address owner, bytes32 authority) = authorityOf(which);
        if (owner == address(0) || key % 8 != 0) return;
        bytes32 structHash = keccak256(
            abi.encode(
                keccak256("Revocation(bytes32 node,address owner,address key)"), authority, owner, vm.addr(keys[key % 4])
            )
        );
        bytes memory signed = signature(keys[key % 4], typedHash(structHash));
        resolver.revokeBySignature(_name(which), vm.addr(keys[key % 4]), signed);
        _noteRevoked(which, vm.addr(keys[key % 4]));
    }

    /// @dev Anyone may send it; whether it counts is the contract's word, that it never lowers the floor is ours.
    function checkpoint(uint256 which, uint256 key, uint64 version) external {
        Answer memory a = answerFor(_name(which), "", 0);
        (a.list.owner,) = authorityOf(which);
        (a.list.epoch,,,) = resolver.stateOf(_name(which));
        a.list.version = 1 + version % 100;
        (a.list.issuedAt, a.list.expiresAt) = (uint64(block.timestamp), uint64(block.timestamp + 90 days));
        sign(a, keys[key % 4]);
        try resolver.checkpoint(a.name, a.list, a.signatures) {
            ++successes;
        } catch {}
    }

    function transfer(uint256 which, uint256 to) external {
        (address owner, bytes32 node) = authorityOf(which);
        if (owner == address(0)) return;
        bool wrapped = registry.owner(node) == address(wrapper);
        vm.prank(owner);
        if (wrapped) wrapper.transfer(node, vm.addr(keys[to % 4]));
        else registry.setOwner(node, vm.addr(keys[to % 4]));
    }

    function wrapOrUnwrap(uint256 which) external {
        (address owner, bytes32 node) = authorityOf(which);
        if (owner == address(0)) return;
        bool wrapped = registry.owner(node) == address(wrapper);
        vm.prank(owner);
        if (wrapped) wrapper.unwrap(node, owner);
        else wrapper.wrap(node, owner, 0, false);
    }

    /// @dev Gives the subname to an actor, or to nobody, so that it falls back to its parent.
    function setSubname(uint256 to) external {
        (address owner,) = authorityOf(0);
        if (owner == address(0) || registry.owner(ACME) != owner) return;
        vm.prank(owner);
        registry.setSubnodeOwner(ACME, keccak256("web"), to % 5 == 4 ? address(0) : vm.addr(keys[to % 5]));
    }

    function approve(uint256 who, uint256 operator, bool approved, bool inWrapper) external {
        vm.prank(vm.addr(keys[who % 4]));
        if (inWrapper) wrapper.setApprovalForAll(vm.addr(keys[operator % 4]), approved);
        else registry.setApprovalForAll(vm.addr(keys[operator % 4]), approved);
    }

    function passTime(uint256 seconds_) external {
        if (seconds_ % 16 == 0) vm.warp(block.timestamp + seconds_ % 200 days);
    }

    // What must hold.

    function check() external {
        for (uint256 which = 0; which < 3; ++which) {
            (address owner, bytes32 authority) = authorityOf(which);
            _checkProgress(which, owner);
            if (owner != address(0)) _checkWish(which, owner, authority);
        }
        require(bytes(broken).length == 0, broken);
    }

    /// @dev Epoch and floor never fall.
    function _checkProgress(uint256 which, address owner) private {
        bytes32 node = nodeOf(_name(which));
        (uint64 epoch, uint64 minVersion,,) = resolver.stateOf(_name(which));
        require(epoch >= lastEpoch[node], "an epoch fell");
        require(minVersion >= lastFloor[owner][node][epoch], "a floor fell");
        (lastEpoch[node], lastFloor[owner][node][epoch]) = (epoch, minVersion);
    }

    /// @dev What stands is what this owner set for this authority, and what nobody set is as at the start.
    function _checkWish(uint256 which, address owner, bytes32 authority) private view {
        Wish storage wish = wishes[owner][authority];
        (address foundOwner, bytes32 foundAuthority, Policy memory policy) = resolver.policyOf(_name(which));
        require(foundOwner == owner && foundAuthority == authority, "another authority");
        address publisher = wish.publisher == address(0) ? owner : wish.publisher;
        require(policy.publishers.length == 1 && policy.publishers[0] == publisher, "another's policy");
        address other = wish.fallbackResolver == address(0) ? address(publicResolver) : wish.fallbackResolver;
        require(resolver.fallbackOf(_name(which)) == other, "another's fallback");
        bytes memory url = bytes(wish.gateway).length == 0 ? bytes("https://gateway.example") : bytes(wish.gateway);
        require(keccak256(bytes(resolver.gatewaysOf(_name(which))[0])) == keccak256(url), "another's gateways");
        for (uint256 i = 0; i < 4; ++i) {
            address key = vm.addr(keys[i]);
            require(resolver.isRevoked(_name(which), key) == revoked[owner][authority][key], "another's revocation");
        }
    }

    /// @notice Owner and authority of a name, asked of registry, wrapper and registrar by the book.
    function authorityOf(uint256 which) public view returns (address owner, bytes32 authority) {
        bytes32 label = which % 3 == 2 ? keccak256("other") : keccak256("acme");
        if (registrar.nameExpires(uint256(label)) + 90 days < block.timestamp) return (address(0), 0);
        authority = nodeOf(_name(which));
        owner = _ownerOf(authority);
        if (owner != address(0)) return (owner, authority);
        if (which % 3 != 1) return (address(0), 0);
        (owner, authority) = (_ownerOf(ACME), ACME);
        if (owner == address(0)) authority = 0;
    }

    /// @dev One actor's try. It must succeed exactly if the actor is the owner or its operator where the name is held.
    function _try(uint256 who, uint256 which, bytes memory call) private returns (bool done) {
        address actor = vm.addr(keys[who % 4]);
        bool allowed = _mayChange(actor, which);
        ++attempts;
        vm.prank(actor);
        (done,) = address(resolver).call(call);
        if (done) ++successes;
        if (done && !allowed) broken = "somebody else changed a name";
        if (!done && allowed) broken = "an owner was refused";
    }

    function _mayChange(address actor, uint256 which) private view returns (bool) {
        (address owner, bytes32 authority) = authorityOf(which);
        if (owner == address(0)) return false;
        if (actor == owner) return true;
        if (registry.owner(authority) == address(wrapper)) return wrapper.isApprovedForAll(owner, actor);
        return IApprovals(address(registry)).isApprovedForAll(owner, actor);
    }

    function _ownerOf(bytes32 node) private view returns (address owner) {
        owner = registry.owner(node);
        if (owner == address(wrapper)) owner = wrapper.ownerOf(uint256(node));
    }

    function _noteRevoked(uint256 which, address key) private {
        (address owner, bytes32 authority) = authorityOf(which);
        revoked[owner][authority][key] = true;
    }

    function _wish(uint256 which) private view returns (Wish storage) {
        (address owner, bytes32 authority) = authorityOf(which);
        return wishes[owner][authority];
    }

    function _name(uint256 which) private pure returns (bytes memory) {
        if (which % 3 == 0) return ACME_NAME;
        return which % 3 == 1 ? WEB_NAME : OTHER_NAME;
    }
}

interface IApprovals {
    function isApprovedForAll(address owner, address operator) external view returns (bool);
}

/// @notice Protocol 3 over sequences of what owners, strangers and operators do.
contract InvariantTest {
    Actors internal actors;

    function setUp() public {
        actors = new Actors();
        actors.setUp();
    }

    /// @dev What forge calls at random: all that the actors do, and nothing else of theirs.
    function targetSelectors() public view returns (FuzzSelector[] memory targets) {
        bytes4[] memory does = new bytes4[](13);
        does[0] = Actors.setPolicy.selector;
        does[1] = Actors.setFallback.selector;
        does[2] = Actors.setGateways.selector;
        does[3] = Actors.reset.selector;
        does[4] = Actors.anchor.selector;
        does[5] = Actors.revoke.selector;
        does[6] = Actors.relayRevocation.selector;
        does[7] = Actors.checkpoint.selector;
        does[8] = Actors.transfer.selector;
        does[9] = Actors.wrapOrUnwrap.selector;
        does[10] = Actors.setSubname.selector;
        does[11] = Actors.approve.selector;
        does[12] = Actors.passTime.selector;
        targets = new FuzzSelector[](1);
        targets[0] = FuzzSelector(address(actors), does);
    }

    function targetContracts() public view returns (address[] memory targets) {
        targets = new address[](1);
        targets[0] = address(actors);
    }

    /// @dev Epoch and floor never fall, no revocation ends, nothing set by one owner is seen under another, and nobody but the owner or
    /// its operator changes a name.
    function invariant_protocol3_settings_are_their_owners_alone_and_never_go_back() public {
        actors.check();
    }

    struct FuzzSelector {
        address addr;
        bytes4[] selectors;
    }
}
