"""The probe engines: what is sent, where it is heard, and how a negative is proved.

``engine`` runs a layer in the order of `netlab.contract.driver`: for each wave it empties the caches (``cold``), lets
the layer send (``l2``, ``resolve``, ``echo``, ``transport``), listens (``receivers``), and where
something stayed silent runs rounds of fences (``fence``) and looks for losses (``loss``) before it says so.
"""
