"""Builds a Debian package as `cargo deb` does, from the same part of Cargo.toml.

    deb_package.py BUILD PACKAGE

BUILD is the folder that stands for `target/release` there, so that another build of the program will do; PACKAGE
is the file to write. Fails on a key of the manifest that it does not know.
"""

import pathlib
import shutil
import subprocess
import sys
import tempfile
import tomllib

ROOT = pathlib.Path(__file__).resolve().parent.parent
# What only cargo's part of the work needs.
OF_CARGO = {"profile", "default-features"}


def output(*command):
    return subprocess.run(command, check=True, capture_output=True, text=True).stdout.strip()


def libraries(program):
    """The packages that hold the shared libraries of a program, which is what cargo-deb's `$auto` means."""
    packages = set()
    for line in output("ldd", program).splitlines():
        name, arrow, path = line.strip().partition(" => ")
        if arrow:
            # On a machine whose /lib is a link, either name may be the one that the package has.
            path = path.split(" ")[0]
            known = [path, path.removeprefix("/usr"), "/usr" + path]
            found = subprocess.run(["dpkg", "-S", *known], capture_output=True, text=True).stdout
            owner = found.split(":")[0]
            assert owner, f"no package holds {name}, {path}"
            packages.add(owner)
    return ", ".join(sorted(packages))


def lay_out(assets, build, tree):
    for source, destination, mode in assets:
        release = source.removeprefix("target/release/")
        base, pattern = (ROOT, source) if release == source else (build, release)
        found = sorted(base.glob(pattern))
        assert found, f"there is no {source}"
        for path in found:
            target = tree / destination / path.name if destination.endswith("/") else tree / destination
            target.parent.mkdir(parents=True, exist_ok=True)
            shutil.copyfile(path, target)
            target.chmod(int(mode, 8))


def add_control(package, deb, build, tree):
    program = build / package["name"]
    size = sum(path.stat().st_size for path in tree.rglob("*") if path.is_file())
    fields = {
        "Package": package["name"],
        "Version": package["version"] + "-1",
        "Architecture": output("dpkg", "--print-architecture"),
        "Maintainer": deb.pop("maintainer"),
        "Section": deb.pop("section"),
        "Priority": deb.pop("priority"),
        "Installed-Size": str(size // 1024),
        "Depends": deb.pop("depends").replace("$auto", libraries(program)),
        "Description": package["description"],
    }
    text = "".join(f"{name}: {value}\n" for name, value in fields.items())
    text += "".join(f" {line}\n" for line in deb.pop("extended-description").splitlines())
    control = tree / "DEBIAN"
    control.mkdir()
    (control / "control").write_text(text, encoding="utf-8")
    # cargo-deb takes every file below /etc for one of configuration.
    names = sorted(f"/{path.relative_to(tree)}\n" for path in (tree / "etc").rglob("*") if path.is_file())
    (control / "conffiles").write_text("".join(names), encoding="utf-8")
    scripts = ROOT / deb.pop("maintainer-scripts")
    for name in ("preinst", "postinst", "prerm", "postrm"):
        if (scripts / name).exists():
            shutil.copyfile(scripts / name, control / name)
            (control / name).chmod(0o755)


def main():
    build, target = pathlib.Path(sys.argv[1]), sys.argv[2]
    package = tomllib.loads((ROOT / "Cargo.toml").read_text(encoding="utf-8"))["package"]
    deb = package["metadata"]["deb"]
    with tempfile.TemporaryDirectory() as folder:
        tree = pathlib.Path(folder, "tree")
        lay_out(deb.pop("assets"), build, tree)
        add_control(package, deb, build, tree)
        unknown = deb.keys() - OF_CARGO
        assert not unknown, f"not known here: {unknown}"
        for path in [tree, *tree.rglob("*")]:
            if path.is_dir():
                path.chmod(0o755)
        # Quick rather than small.
        subprocess.run(["dpkg-deb", "--root-owner-group", "-Zgzip", "-z1", "--build", tree, target], check=True)


main()
