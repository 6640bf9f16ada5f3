"""The models that are tracked: those of clients/odoo_books.py, with those of their lines."""
from odoo import models

TRACKED = 'online.sync.tracked'


class ResPartner(models.Model):
    _name = 'res.partner'
    _inherit = ['res.partner', TRACKED]


class ResPartnerBank(models.Model):
    _name = 'res.partner.bank'
    _inherit = ['res.partner.bank', TRACKED]


class AccountAccount(models.Model):
    _name = 'account.account'
    _inherit = ['account.account', TRACKED]


class AccountTax(models.Model):
    _name = 'account.tax'
    _inherit = ['account.tax', TRACKED]


class AccountJournal(models.Model):
    _name = 'account.journal'
    _inherit = ['account.journal', TRACKED]


class AccountPaymentTerm(models.Model):
    _name = 'account.payment.term'
    _inherit = ['account.payment.term', TRACKED]


class ProductProduct(models.Model):
    _name = 'product.product'
    _inherit = ['product.product', TRACKED]


class ProductTemplate(models.Model):
    _name = 'product.template'
    _inherit = ['product.template', TRACKED]


class AccountMove(models.Model):
    _name = 'account.move'
    _inherit = ['account.move', TRACKED]


class AccountMoveLine(models.Model):
    _name = 'account.move.line'
    _inherit = ['account.move.line', TRACKED]


class ResBank(models.Model):
    _name = 'res.bank'
    _inherit = ['res.bank', TRACKED]


class AccountBankStatementLine(models.Model):
    _name = 'account.bank.statement.line'
    _inherit = ['account.bank.statement.line', TRACKED]


class IrAttachment(models.Model):
    _name = 'ir.attachment'
    _inherit = ['ir.attachment', TRACKED]


class AccountPayment(models.Model):
    _name = 'account.payment'
    _inherit = ['account.payment', TRACKED]


class AccountPartialReconcile(models.Model):
    _name = 'account.partial.reconcile'
    _inherit = ['account.partial.reconcile', TRACKED]
