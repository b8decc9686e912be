"""Files that systems and programs leave beside photos: previews, metadata, waste baskets. They are nobody's photos.

Folders and archives are treated alike, so an archive gives the same photos as the folder that it was made of.
"""

# Of macOS, Synology's disk stations, Windows, and file systems of Linux; lowercase.
_FOLDERS = {
    *("__macosx", "@eadir", "#recycle", "@recycle", "#snapshot"),
    *("$recycle.bin", "system volume information", "lost+found"),
}
# Metadata of macOS beside each file; photos that Android has deleted or has not finished.
_FILES = ("._", ".trashed-", ".pending-")


def is_left_folder(name: str) -> bool:
    """Tells by the name of a folder whether what is in it was left by a system; all hidden folders count as such."""
    return name.startswith(".") or name.lower() in _FOLDERS


def is_left_file(name: str) -> bool:
    """Tells by the name of a file, without its folders, whether a system left it beside a photo."""
    return name.startswith(_FILES)


def is_left(photo: str) -> bool:
    """Tells by its id in a store whether a file was left by a system."""
    *folders, name = photo.split("/")
    return is_left_file(name) or any(map(is_left_folder, folders))
