"""`--format tvm`: a bundle for a device, as the protocol of forms asks for it.

How a bundle is made stands in `tvm_bundle.py`.
"""

from __future__ import annotations

from netadapt.deploy.base import ExportRequest, Product
from netadapt.deploy.tvm_bundle import export_bundle
from netadapt.errors import InputError
from netadapt.latency.devices.profile import load_profile


class TvmFormat:
    """A folder to copy to the device."""

    options = frozenset({"device", "profile", "tracker", "key", "unchecked"})

    def export(self, request: ExportRequest) -> Product:
        """Compile the network for the device and compare it there."""
        if request.device is None:
            raise InputError("--format tvm compiles for a device; name it with --device")
        profile = load_profile(
            request.device, file=request.profile, tracker=request.tracker, key=request.key
        )
        request.say(f"compiling {request.model} for {profile.name}")
        bundle = export_bundle(request.model, profile, request.out, checked=not request.unchecked)
        shapes = ", ".join("×".join(map(str, shape)) for shape in bundle.input_shapes)
        compared = (
            "not run yet: run.py there compares it with torch"
            if bundle.difference is None
            else f"differs from torch by {bundle.difference:.2g} of the largest output"
        )
        return Product(
            bundle.folder,
            f"{bundle.folder}: input {shapes}, {bundle.size_bytes / 1e6:.1f} MB; {compared}",
            {"device": profile.name, **vars(bundle)},
            following=f"copy it to {profile.name} and run: python3 {bundle.folder.name}/run.py",
        )


FORMAT = TvmFormat()
