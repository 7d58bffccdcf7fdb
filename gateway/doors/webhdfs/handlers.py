"""Who answers which operation: the table from Hadoop's names to the door's parts."""

from collections.abc import Mapping

from gateway.doors.webhdfs.attributes import AttributeDoor
from gateway.doors.webhdfs.changing import ChangingDoor
from gateway.doors.webhdfs.identification import Identifies
from gateway.doors.webhdfs.listing import ListingDoor
from gateway.doors.webhdfs.pipeline import Handler
from gateway.doors.webhdfs.reading import ReadingDoor
from gateway.doors.webhdfs.redirects import Redirects
from gateway.doors.webhdfs.renaming import RenamingDoor
from gateway.doors.webhdfs.service import Lends, ServiceDoor
from gateway.doors.webhdfs.writing import WritingDoor
from gateway.filesystem.interface import Tree


def make_handlers(
    tree: Tree, authentication: Identifies, tokens: Lends, *, home: str, block_bytes: int
) -> Mapping[str, Handler]:
    """Return what answers each operation that is not refused."""
    redirects = Redirects(authentication)
    reading = ReadingDoor(tree, redirects, block_bytes)
    listing = ListingDoor(tree, block_bytes)
    writing = WritingDoor(tree, redirects)
    changing = ChangingDoor(tree)
    attributes = AttributeDoor(tree)
    service = ServiceDoor(tree, tokens, home=home, block_bytes=block_bytes)
    return {
        "OPEN": reading.open,
        "GETFILECHECKSUM": reading.checksum,
        "GETFILEBLOCKLOCATIONS": reading.block_locations,
        "GET_BLOCK_LOCATIONS": reading.located_blocks,
        "GETFILESTATUS": listing.status,
        "GETFILELINKSTATUS": listing.status,
        "GETLINKTARGET": listing.link_target,
        "LISTSTATUS": listing.children,
        "LISTSTATUS_BATCH": listing.batch,
        "GETCONTENTSUMMARY": listing.summary,
        "GETQUOTAUSAGE": listing.quota,
        "CREATE": writing.create,
        "APPEND": writing.append,
        "MKDIRS": changing.make_directory,
        "CREATESYMLINK": changing.make_symlink,
        "RENAME": RenamingDoor(tree).rename,
        "DELETE": changing.remove,
        "CONCAT": changing.concat,
        "TRUNCATE": changing.truncate,
        "SETPERMISSION": changing.set_permission,
        "SETOWNER": changing.set_owner,
        "SETTIMES": changing.set_times,
        "SETREPLICATION": changing.set_replication,
        "GETXATTRS": attributes.get,
        "LISTXATTRS": attributes.list,
        "SETXATTR": attributes.set,
        "REMOVEXATTR": attributes.remove,
        "GETACLSTATUS": attributes.acl,
        "CHECKACCESS": attributes.check_access,
        "GETHOMEDIRECTORY": service.home,
        "GETTRASHROOT": service.trash,
        "GETTRASHROOTS": service.trashes,
        "GETSERVERDEFAULTS": service.defaults,
        "GETSTATUS": service.space,
        "GETDELEGATIONTOKEN": service.get_token,
        "RENEWDELEGATIONTOKEN": service.renew_token,
        "CANCELDELEGATIONTOKEN": service.cancel_token,
    }
